import { createSingleTab, createTabs, csrfCookie, type Environment } from './environment.js'
import { errorOf, IdentSphereClientError, isStepUp, objectOf, type StepUpError } from './error.js'

/** Tokens of a client with `tokenDelivery: 'body'`. */
export interface StoredTokens {
  readonly access_token: string | null
  readonly refresh_token: string | null
  /** Kept after a sign-out. With it, wrong passwords from other clients cannot lock this client out. */
  readonly device_token: string | null
}

/** Storage for the tokens of a client with `tokenDelivery: 'body'`, e.g. a keychain. Default: memory. */
export interface TokenStore {
  load(): StoredTokens | null | Promise<StoredTokens | null>
  save(tokens: StoredTokens): void | Promise<void>
}

export interface ClientOptions {
  /** Address of the router, including its mount path. Default: the origin of the page, or the mount of `/v1/client.js`. */
  readonly baseUrl?: string | URL
  /** Replaces the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch
  /** `body` for native clients, which store the tokens themselves. Default `cookie`. */
  readonly tokenDelivery?: 'cookie' | 'body'
  /** For `tokenDelivery: 'body'`. */
  readonly tokenStore?: TokenStore
  /**
   * Called if the server answers `mfa_required` or `reauthentication_required`. Ask the user for the proof, and call
   * `client.mfa.verify()`, `client.passkeys.verify()` or `client.reauthenticate()`, with the `purpose` of `error.details` if there
   * is one. Resolve with true to send the request again, or with false to reject with the error. The request is not sent again if
   * another user has signed in. Parallel requests that need the same proof call it once.
   */
  readonly onStepUp?: (error: StepUpError) => Promise<boolean>
}

/** A change of the session, in this tab or another one. */
export interface Change {
  /** `session_ended`: the session has expired or was revoked. */
  readonly type: 'signed_in' | 'signed_out' | 'session_ended'
  /** False if another tab has caused it. */
  readonly here: boolean
}

/** Sends requests to the server. */
export interface Transport {
  /**
   * Sends a request and returns the body of a successful answer. It refreshes and steps up the session if needed.
   *
   * @throws IdentSphereClientError
   */
  call<Answer>(method: string, path: string, body?: object, options?: { readonly stepUp?: boolean }): Promise<Answer>
  /** Sends a request that can create a session, and stores the tokens of the answer. */
  callSignIn<Answer>(path: string, body: object): Promise<Answer>
  /** The field `token_delivery` of a body. */
  readonly delivery: { readonly token_delivery?: 'body' }
  /** The stored device token as a field of a body. */
  deviceToken(): Promise<{ device_token?: string }>
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>
  /** False if there is certainly no session. It sends no request. */
  mayHaveSession(): Promise<boolean>
  /** Ends the session. */
  signOut(): Promise<void>
  /** Removes the tokens of a session that the server has ended. */
  forget(type: 'signed_out' | 'session_ended'): Promise<void>
  onChange(listener: (change: Change) => void): () => void
  readonly base: URL
}

/** A refresh that does not end would block all tabs. */
const refreshTimeoutMs = 15_000
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
  /** A page of another origin cannot read the CSRF cookie. It uses the token in the answers. */
  const readsCookie = document !== undefined && location?.origin === base.origin
  const listeners = new Set<(change: Change) => void>()
  const stepUps = new Map<string, Promise<boolean>>()
  const store = options.tokenStore ?? memoryStore()
  let answeredCsrf: string | null = null
  /** Number of sessions that this client has begun or ended. */
  let sessionCount = 0

  tabs.onBroadcast((message) => {
    if (message !== 'signed_in' && message !== 'signed_out' && message !== 'session_ended') return
    answeredCsrf = null // belongs to the previous session
    announce({ type: message, here: false })
  })

  function announce(change: Change): void {
    for (const listener of [...listeners]) listener(change)
  }

  function reportChange(type: Change['type']): void {
    sessionCount += 1
    tabs.newMark()
    tabs.broadcast(type)
    announce({ type, here: true })
  }

  function csrfToken(): string | null {
    return readsCookie ? csrfCookie(document.cookie) : answeredCsrf
  }

  /** Identifies the current session. Tabs share the cookies, so the CSRF token identifies it, because it is bound to the session. */
  function currentSession(): string | number | null {
    return byCookie ? csrfToken() : sessionCount
  }

  async function tokens(): Promise<StoredTokens> {
    return (await store.load()) ?? noTokens
  }

  async function canRefresh(): Promise<boolean> {
    return byCookie ? csrfToken() !== null : (await tokens()).refresh_token !== null
  }

  async function exchange(request: Request): Promise<Response> {
    try {
      return await send(request)
    } catch (cause) {
      throw new IdentSphereClientError('network_error', { message: 'The server did not answer.', status: 0, cause })
    }
  }

  /** Copies a request and adds the credentials of the session, unless it is for another origin. */
  async function withCredentials(request: Request): Promise<Request> {
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
      // Our routes never redirect here, and another server must not receive a token.
      redirect: 'error',
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
      ...(signal === undefined ? {} : { signal }),
    })
  }

  /** Sends a request. If needed, it refreshes the session or steps it up, and sends the request again. */
  async function attempt(request: Request, mayStepUp: boolean): Promise<Response> {
    const before = { mark: tabs.mark(), session: currentSession() }
    let response = await exchange(await withCredentials(request))
    if (response.status !== 401 || new URL(request.url).origin !== base.origin) return response
    let error = await errorOf(response)
    if (error.code === 'authentication_required' && (await refresh(before))) {
      response = await exchange(await withCredentials(request))
      if (response.status !== 401) return response
      error = await errorOf(response)
    }
    // A route may need two proofs, one after the other. The user is asked once for each.
    const givenProofs = new Set<string>()
    while (mayStepUp && !givenProofs.has(proofOf(error)) && (await stepUp(error))) {
      givenProofs.add(proofOf(error))
      response = await exchange(await withCredentials(request))
      if (response.status !== 401) return response
      error = await errorOf(response)
    }
    return response
  }

  /** Returns false if the user refuses, or if the session has changed. A request must not be sent with another session. */
  async function stepUp(error: IdentSphereClientError): Promise<boolean> {
    const { onStepUp } = options
    if (onStepUp === undefined || !isStepUp(error)) return false
    const session = currentSession()
    const proof = proofOf(error)
    const pending = stepUps.get(proof) ?? onStepUp(error).finally(() => stepUps.delete(proof))
    stepUps.set(proof, pending)
    return (await pending) && currentSession() === session
  }

  /**
   * Gets a new access token. All requests and tabs share one refresh. Returns false if the session has ended or has changed. A
   * request must not be sent with another session.
   */
  async function refresh(before: { mark: string; session: string | number | null }): Promise<boolean> {
    if (!(await canRefresh())) return false
    return tabs.exclusive(async (waited) => {
      if (currentSession() !== before.session) return false
      if (tabs.mark() !== before.mark) return true
      // The mark of another tab may become visible only after its lock was released.
      if (waited && (await exchange(await withCredentials(requestFor('GET', '/v1/auth/session')))).ok) return true
      const { refresh_token } = await tokens()
      const body = byCookie || refresh_token === null ? undefined : { refresh_token }
      const request = requestFor('POST', '/v1/auth/refresh', body, AbortSignal.timeout(refreshTimeoutMs))
      const csrf = byCookie ? csrfToken() : null
      if (csrf !== null) request.headers.set(csrfHeader, csrf)
      const response = await exchange(request)
      if (response.ok) {
        const body = await objectOf(response)
        if (!byCookie && currentSession() !== before.session) return false
        await storeTokens(body)
        tabs.newMark()
        return true
      }
      const error = await errorOf(response)
      // Other errors, e.g. of a server that is starting, do not mean that the session has ended.
      if (error.code !== 'authentication_required') throw error
      if (currentSession() !== before.session) return false
      if (byCookie) await clearCookies(csrf)
      await forget('session_ended')
      return false
    })
  }

  /** Scripts cannot clear HttpOnly cookies. The old CSRF token cannot end a newer session. */
  async function clearCookies(csrf: string | null): Promise<void> {
    const request = requestFor('POST', '/v1/auth/logout')
    if (csrf !== null) request.headers.set(csrfHeader, csrf)
    await exchange(request).catch(() => {})
  }

  async function forget(type: 'signed_out' | 'session_ended'): Promise<void> {
    answeredCsrf = null
    if (!byCookie) await store.save({ ...noTokens, device_token: (await tokens()).device_token })
    reportChange(type)
  }

  /** Stores the tokens of an answer for later requests. */
  async function storeTokens(body: object): Promise<void> {
    const fields = body as Partial<StoredTokens> & { csrf_token?: string }
    if (typeof fields.csrf_token === 'string') answeredCsrf = fields.csrf_token
    if (byCookie || typeof fields.access_token !== 'string') return
    const stored = await tokens()
    const { access_token, refresh_token = stored.refresh_token, device_token = stored.device_token } = fields
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
      // A late answer for a previous session must not replace the tokens of the current one.
      if (answer !== undefined && currentSession() === session) await storeTokens(answer)
      return answer as never
    },
    async callSignIn(path, body) {
      const request = requestFor('POST', path, { ...body, ...delivery })
      const answer = (await bodyOf(await exchange(await withCredentials(request)))) ?? {}
      await storeTokens(answer)
      if ((answer as { status?: string }).status === 'success') reportChange('signed_in')
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
      return canRefresh()
    },
    async signOut() {
      const { refresh_token } = byCookie ? noTokens : await tokens()
      const body = refresh_token === null ? undefined : { refresh_token }
      await bodyOf(await exchange(await withCredentials(requestFor('POST', '/v1/auth/logout', body))))
      await forget('signed_out')
    },
    forget,
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

/** Identifies the required proof. */
function proofOf({ code, details }: IdentSphereClientError): string {
  return `${code} ${(details as { purpose?: string } | undefined)?.purpose ?? ''}`
}

function baseOf(given: string | URL | undefined, page: string | undefined): URL {
  if (given === undefined && page === undefined)
    throw new TypeError('createClient: baseUrl is required outside a browser page')
  return new URL(given ?? '/', page)
}

function memoryStore(): TokenStore {
  let stored: StoredTokens | null = null
  return {
    load: () => stored,
    save(tokens) {
      stored = tokens
    },
  }
}
