import { createSingleTab, createTabs, csrfCookie, type Environment } from './environment.js'
import { errorOf, IdentSphereClientError, isStepUp, objectOf, type StepUpError } from './error.js'

/** What a client with `tokenDelivery: 'body'` keeps. */
export interface StoredTokens {
  readonly access_token: string | null
  readonly refresh_token: string | null
  /** Outlives sign-out: with it, strangers who guess the password cannot lock this client out. */
  readonly device_token: string | null
}

/** Where a client with `tokenDelivery: 'body'` keeps its tokens: a keychain, a file. Default: memory. */
export interface TokenStore {
  load(): StoredTokens | null | Promise<StoredTokens | null>
  save(tokens: StoredTokens): void | Promise<void>
}

export interface ClientOptions {
  /** Where the router is, mount included. Default: the origin of the page; of `/v1/client.js`, where that came from. */
  readonly baseUrl?: string | URL
  /** Instead of the global one. */
  readonly fetch?: typeof globalThis.fetch
  /** `body` for native clients, which keep tokens by themselves. Default `cookie`. */
  readonly tokenDelivery?: 'cookie' | 'body'
  /** With `tokenDelivery: 'body'`. */
  readonly tokenStore?: TokenStore
  /**
   * Asked when a call was answered with `mfa_required` or `reauthentication_required`. Let the user prove who they are, with
   * `client.mfa.verify()`, `client.passkeys.verify()` or `client.reauthenticate()`, with the `purpose` of `error.details` where it
   * has one, and resolve to true: the call is sent once more, unless somebody else has signed in meanwhile. With false it rejects
   * with the error. Calls that need the same at the same time ask once.
   */
  readonly onStepUp?: (error: StepUpError) => Promise<boolean>
}

/** What happened to the session, in this tab or another one. */
export interface Change {
  /** `session_ended`: it has expired, or was revoked. */
  readonly type: 'signed_in' | 'signed_out' | 'session_ended'
  /** False where another tab did it. */
  readonly here: boolean
}

/** How a call goes to the server. */
export interface Transport {
  /**
   * Sends, and gives the body of a success, which is taken for what the caller's type says. With a session: renewed and stepped
   * up as needed.
   *
   * @throws IdentSphereClientError
   */
  call<Answer>(method: string, path: string, body?: object, options?: { readonly stepUp?: boolean }): Promise<Answer>
  /** A call that begins a session: says how tokens are to come, and keeps them. */
  enter<Answer>(path: string, body: object): Promise<Answer>
  /** What the body of a ceremony's beginning says of tokens. */
  readonly delivery: { readonly token_delivery?: 'body' }
  /** The device token that is kept, as a field of a body. */
  deviceToken(): Promise<{ device_token?: string }>
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>
  /** False where it is certain, without a request, that nobody is signed in. */
  mayHaveSession(): Promise<boolean>
  /** Ends the session. */
  signOut(): Promise<void>
  /** Forgets a session that the server has ended. */
  forget(type: 'signed_out' | 'session_ended'): Promise<void>
  onChange(listener: (change: Change) => void): () => void
  readonly base: URL
}

/** Milliseconds. A refresh that hangs holds up every tab. */
const longestRefresh = 15_000
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])
const csrfHeader = 'X-IdentSphere-CSRF'
const noTokens: StoredTokens = { access_token: null, refresh_token: null, device_token: null }

export function createTransport(options: ClientOptions, environment: Environment): Transport {
  const { document, location } = environment
  const base = baseOf(options.baseUrl, location?.href)
  const send = options.fetch ?? ((input: Request) => globalThis.fetch(input))
  const byCookie = options.tokenDelivery !== 'body'
  const delivery = byCookie ? {} : ({ token_delivery: 'body' } as const)
  const tabs =
    byCookie && document !== undefined ? createTabs(environment, `identsphere ${base.href}`) : createSingleTab()
  /** A page of another origin cannot read the cookie, and takes the token from the answers. */
  const readsCookie = document !== undefined && location?.origin === base.origin
  const listeners = new Set<(change: Change) => void>()
  const stepUps = new Map<string, Promise<boolean>>()
  const store = options.tokenStore ?? memoryStore()
  let answeredCsrf: string | null = null
  /** Sessions that this client has begun or seen end. */
  let sessionCount = 0

  tabs.onTold((message) => {
    if (message !== 'signed_in' && message !== 'signed_out' && message !== 'session_ended') return
    answeredCsrf = null // of a session that is over, or of another one
    announce({ type: message, here: false })
  })

  function announce(change: Change): void {
    for (const listener of [...listeners]) listener(change)
  }

  function happened(type: Change['type']): void {
    sessionCount += 1
    tabs.newMark()
    tabs.tell(type)
    announce({ type, here: true })
  }

  function csrfToken(): string | null {
    return readsCookie ? csrfCookie(document.cookie) : answeredCsrf
  }

  /** Tells this session from another one. In cookies, which all tabs share, the CSRF token does: it is bound to its session. */
  function currentSession(): string | number | null {
    return byCookie ? csrfToken() : sessionCount
  }

  async function tokens(): Promise<StoredTokens> {
    return (await store.load()) ?? noTokens
  }

  async function canRenew(): Promise<boolean> {
    return byCookie ? csrfToken() !== null : (await tokens()).refresh_token !== null
  }

  async function exchange(request: Request): Promise<Response> {
    try {
      return await send(request)
    } catch (cause) {
      throw new IdentSphereClientError('network_error', { message: 'The server does not answer.', status: 0, cause })
    }
  }

  /** A request with what proves the session. Nothing of it goes to another origin. */
  async function prepared(request: Request): Promise<Request> {
    const copy = request.clone()
    if (new URL(copy.url).origin !== base.origin) return copy
    if (!byCookie) {
      const { access_token } = await tokens()
      if (access_token !== null) copy.headers.set('Authorization', `Bearer ${access_token}`)
      return copy
    }
    const csrf = safeMethods.has(copy.method) || copy.headers.has(csrfHeader) ? null : csrfToken()
    if (csrf !== null) copy.headers.set(csrfHeader, csrf)
    return copy
  }

  function requestFor(method: string, path: string, body?: object, signal?: AbortSignal): Request {
    return new Request(`${base.href.replace(/\/$/, '')}${path}`, {
      method,
      credentials: byCookie ? 'include' : 'omit',
      // None of these answers is a redirect, and no other server is to be handed a token.
      redirect: 'error',
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
      ...(signal === undefined ? {} : { signal }),
    })
  }

  /** Sends; renews the access token where it has expired, asks for a step-up where one is missing, and sends once more. */
  async function attempt(request: Request, mayStepUp: boolean): Promise<Response> {
    const before = { mark: tabs.mark(), session: currentSession() }
    let response = await exchange(await prepared(request))
    if (response.status !== 401 || new URL(request.url).origin !== base.origin) return response
    let error = await errorOf(response)
    if (error.code === 'authentication_required' && (await renew(before))) {
      response = await exchange(await prepared(request))
      if (response.status !== 401) return response
      error = await errorOf(response)
    }
    // A route may need two proofs, one after the other. Each is asked for once.
    const given = new Set<string>()
    while (mayStepUp && !given.has(proofOf(error)) && (await stepUp(error))) {
      given.add(proofOf(error))
      response = await exchange(await prepared(request))
      if (response.status !== 401) return response
      error = await errorOf(response)
    }
    return response
  }

  /** False also where another session is in place of the one that was asked: its request is not sent in the other's name. */
  async function stepUp(error: IdentSphereClientError): Promise<boolean> {
    const { onStepUp } = options
    if (onStepUp === undefined || !isStepUp(error)) return false
    const session = currentSession()
    const proof = proofOf(error)
    const asked = stepUps.get(proof) ?? onStepUp(error).finally(() => stepUps.delete(proof))
    stepUps.set(proof, asked)
    return (await asked) && currentSession() === session
  }

  /**
   * A new access token, by one refresh for all requests and tabs that need one. False where the session has ended, or where
   * another one is in its place: a request of the earlier one is not sent in its name.
   */
  async function renew(before: { mark: string; session: string | number | null }): Promise<boolean> {
    if (!(await canRenew())) return false
    return tabs.exclusive(async (waited) => {
      if (currentSession() !== before.session) return false
      if (tabs.mark() !== before.mark) return true
      // The mark of another tab may come later than its turn ends.
      if (waited && (await exchange(await prepared(requestFor('GET', '/v1/auth/session')))).ok) return true
      const { refresh_token } = await tokens()
      const body = byCookie || refresh_token === null ? undefined : { refresh_token }
      const request = requestFor('POST', '/v1/auth/refresh', body, AbortSignal.timeout(longestRefresh))
      const csrf = byCookie ? csrfToken() : null
      if (csrf !== null) request.headers.set(csrfHeader, csrf)
      const response = await exchange(request)
      if (response.ok) {
        const body = await objectOf(response)
        if (!byCookie && currentSession() !== before.session) return false
        await learn(body)
        tabs.newMark()
        return true
      }
      const error = await errorOf(response)
      // Anything but a plain no, such as a server that is just starting, does not mean that the session has ended.
      if (error.code !== 'authentication_required') throw error
      if (currentSession() !== before.session) return false
      if (byCookie) await clearCookies(csrf)
      await forget('session_ended')
      return false
    })
  }

  /** Scripts cannot clear what they cannot read. With the old token, which ends no newer session. */
  async function clearCookies(csrf: string | null): Promise<void> {
    const request = requestFor('POST', '/v1/auth/logout')
    if (csrf !== null) request.headers.set(csrfHeader, csrf)
    await exchange(request).catch(() => {})
  }

  async function forget(type: 'signed_out' | 'session_ended'): Promise<void> {
    answeredCsrf = null
    if (!byCookie) await store.save({ ...noTokens, device_token: (await tokens()).device_token })
    happened(type)
  }

  /** Keeps what later requests need. */
  async function learn(body: object): Promise<void> {
    const fields = body as Partial<StoredTokens> & { csrf_token?: string }
    if (typeof fields.csrf_token === 'string') answeredCsrf = fields.csrf_token
    if (byCookie || typeof fields.access_token !== 'string') return
    const known = await tokens()
    const { access_token, refresh_token = known.refresh_token, device_token = known.device_token } = fields
    await store.save({ access_token, refresh_token, device_token })
  }

  async function bodyOf(response: Response): Promise<object | undefined> {
    if (!response.ok) throw await errorOf(response)
    return response.status === 204 ? undefined : objectOf(response)
  }

  return {
    base,
    delivery,
    async call(method, path, body, { stepUp: mayStepUp = true } = {}) {
      const session = currentSession()
      const answer = await bodyOf(await attempt(requestFor(method, path, body), mayStepUp))
      // What comes late of a session before must not take the place of what the present one has.
      if (answer !== undefined && currentSession() === session) await learn(answer)
      return answer as never
    },
    async enter(path, body) {
      const request = requestFor('POST', path, { ...body, ...delivery })
      const answer = (await bodyOf(await exchange(await prepared(request)))) ?? {}
      await learn(answer)
      if ((answer as { status?: string }).status === 'success') happened('signed_in')
      return answer as never
    },
    async deviceToken() {
      const { device_token } = byCookie ? noTokens : await tokens()
      return device_token === null ? {} : { device_token }
    },
    async fetch(input, init) {
      if (input instanceof Request) return attempt(new Request(input, init), true)
      const url = new URL(input, location?.href ?? base)
      const credentials = byCookie && url.origin === base.origin ? 'include' : 'same-origin'
      return attempt(new Request(url, { credentials, ...init }), true)
    },
    async mayHaveSession() {
      if (byCookie) return !readsCookie || csrfToken() !== null
      return canRenew()
    },
    async signOut() {
      const { refresh_token } = byCookie ? noTokens : await tokens()
      const body = refresh_token === null ? undefined : { refresh_token }
      await bodyOf(await exchange(await prepared(requestFor('POST', '/v1/auth/logout', body))))
      await forget('signed_out')
    },
    forget,
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

/** Tells a proof that is asked for from another one. */
function proofOf({ code, details }: IdentSphereClientError): string {
  return `${code} ${(details as { purpose?: string } | undefined)?.purpose ?? ''}`
}

function baseOf(given: string | URL | undefined, page: string | undefined): URL {
  if (given === undefined && page === undefined) throw new TypeError('createClient: outside a page, baseUrl is needed')
  return new URL(given ?? '/', page)
}

function memoryStore(): TokenStore {
  let kept: StoredTokens | null = null
  return {
    load: () => kept,
    save(tokens) {
      kept = tokens
    },
  }
}
