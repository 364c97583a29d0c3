/** The client against a real server, as a page of another origin and as a native application. */
import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { buildClient } from '../../lib/client/client.js'
import { type Change, type Client, createClient, IdentSphereClientError } from '../../lib/client/index.js'
import type { ClientOptions, StoredTokens } from '../../lib/client/transport.js'
import { password, signUp, startApp, type TestApp } from '../support/app.js'
import type { Client as Browser } from '../support/client.js'
import { cookieFetch } from '../support/cookie-fetch.js'
import { enrol } from '../support/mfa.js'

let app: TestApp
before(async () => {
  app = await startApp({
    routes(host, { requireAuth, requireRecentAuth }) {
      host.all('/things', requireAuth(), (_request, response) => void response.json({ done: true }))
      host.post('/payouts', requireRecentAuth(), (_request, response) => void response.json({ paid: true }))
      host.get('/broken', (_request, response) => void response.status(502).send('<h1>Bad gateway</h1>'))
    },
  })
})
after(() => app.close())

let people = 0
const newcomer = () => ({ email: `c${++people}@example.com`, password, organization_name: 'Example Works' })

interface Page {
  client: Client
  browser: Browser
  sent: Request[]
  changes: Change[]
  paths(): string[]
}

/** A page of another origin, which cannot read the cookies. */
function pageOf(browser = app.client(), options: ClientOptions = {}): Page {
  const { fetch, sent } = cookieFetch(browser)
  return watched(createClient({ baseUrl: app.url, fetch, ...options }), browser, sent)
}

/** A page of the API's own origin, which reads the CSRF cookie. */
function ownPageOf(browser = app.client(), options: ClientOptions = {}): Page {
  const { fetch, sent } = cookieFetch(browser)
  const document = {
    get cookie() {
      return [...browser.cookies]
        .filter(([, { attributes }]) => !attributes.includes('HttpOnly'))
        .map(([name, { value }]) => `${name}=${value}`)
        .join('; ')
    },
  }
  const environment = { document, location: { href: `${app.origin}/page`, origin: app.origin } }
  return watched(buildClient({ baseUrl: app.url, fetch, ...options }, environment), browser, sent)
}

function watched(client: Client, browser: Browser, sent: Request[]): Page {
  const changes: Change[] = []
  client.onChange((change) => changes.push(change))
  return {
    client,
    browser,
    sent,
    changes,
    paths: () => sent.map(({ method, url }) => `${method} ${new URL(url).pathname.slice(app.mount.length)}`),
  }
}

const refreshes = (page: Page) => page.paths().filter((path) => path === 'POST /v1/auth/refresh').length
/** The error that a call rejects with. */
const failure = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => assert.fail('it succeeded'),
    (error) => error,
  )
const isCode =
  (code: string) =>
  (error: unknown): error is IdentSphereClientError =>
    error instanceof IdentSphereClientError && error.code === code

for (const [kind, open] of [
  ['a page of another origin', pageOf],
  ['a page of the own origin', ownPageOf],
] as const) {
  describe(kind, () => {
    it('signs up, reads, writes and signs out, with the CSRF token', async () => {
      const { client, changes, sent } = open()
      const answer = await client.signUp(newcomer())
      assert.equal(answer.status, 'success')
      assert.equal((await client.session())?.user.email, `c${people}@example.com`)
      assert.equal((await client.profile.update({ bio: 'Engines' })).bio, 'Engines')
      assert.equal((await client.sessions.list()).length, 1)
      await client.signOut()
      assert.equal(await client.session(), null)
      assert.deepEqual(
        changes.map(({ type, here }) => [type, here]),
        [
          ['signed_in', true],
          ['signed_out', true],
        ],
      )
      for (const { method, headers } of sent.slice(1)) {
        if (method === 'GET') assert.equal(headers.get('x-identsphere-csrf'), null)
      }
    })

    it('refreshes an expired access token once for all pending requests', async () => {
      const page = open()
      await page.client.signUp(newcomer())
      app.clock.advance(901)
      page.sent.length = 0
      const requests = Array.from({ length: 10 }, (_, index) =>
        index % 2 === 0 ? page.client.profile.get() : page.client.profile.update({ bio: String(index) }),
      )
      await Promise.all(requests)
      assert.equal(refreshes(page), 1)
      assert.equal(page.sent.length, 21)
      app.clock.advance(901)
      await page.client.profile.get()
      assert.equal(refreshes(page), 2)
    })

    it('reports once that its session was ended, and leaves no cookies of it', async () => {
      const page = open()
      await page.client.signUp(newcomer())
      const { id = '' } = (await page.client.session())?.session ?? {}
      await app.identsphere.api.sessions.revoke(id)
      const answers = await Promise.allSettled(Array.from({ length: 5 }, () => page.client.profile.get()))
      for (const answer of answers) {
        assert.ok(answer.status === 'rejected' && isCode('authentication_required')(answer.reason))
      }
      assert.equal(refreshes(page), 1)
      assert.deepEqual(page.changes.at(-1), { type: 'session_ended', here: true })
      assert.equal(page.changes.filter(({ type }) => type === 'session_ended').length, 1)
      assert.deepEqual([...page.browser.cookies.keys()], ['identsphere_device'])
    })

    it('keeps the session if the server cannot answer a refresh', async () => {
      const page = open()
      await page.client.signUp(newcomer())
      app.clock.advance(901)
      await app.sql('ALTER TABLE identsphere.refresh_tokens RENAME TO refresh_tokens_away')
      try {
        await assert.rejects(page.client.profile.get(), isCode('service_unavailable'))
      } finally {
        await app.sql('ALTER TABLE identsphere.refresh_tokens_away RENAME TO refresh_tokens')
      }
      assert.equal((await page.client.profile.get()).email, `c${people}@example.com`)
      assert.deepEqual(
        page.changes.map(({ type }) => type),
        ['signed_in'],
      )
    })

    it('sends no request of one user with the session of another', async () => {
      const page = open()
      await page.client.signUp(newcomer())
      const other = newcomer()
      await open().client.signUp(other)
      let signsIn = false
      const { fetch } = cookieFetch(page.browser)
      const hasty = open(page.browser, {
        async fetch(input, init) {
          const answer = await fetch(input, init)
          if (signsIn && answer.status === 401) {
            signsIn = false
            const { email } = other
            const login = await page.browser.post('/v1/auth/login', { email, password }, { csrf: false })
            assert.equal(login.status, 200)
          }
          return answer
        },
      })
      await hasty.client.session() // learns the CSRF token if it cannot read the cookie
      signsIn = true
      app.clock.advance(901)
      await assert.rejects(hasty.client.profile.update({ bio: 'mine' }))
      assert.equal(signsIn, false)
      const rows = await app.sql('SELECT bio FROM identsphere.users WHERE email = $1', [other.email])
      assert.deepEqual(rows, [{ bio: null }])
    })
  })
}

describe('a page that reads the cookie', () => {
  it('sends nothing if it knows that there is no session', async () => {
    const page = ownPageOf()
    assert.equal(await page.client.session(), null)
    assert.deepEqual(page.sent, [])
  })

  it('finds the cookie under its prefixed name too', async () => {
    const { fetch, sent } = cookieFetch(app.client())
    const document = { cookie: 'a=b; identsphere_csrf=planted; __Host-identsphere_csrf=1.x' }
    const location = { href: app.url, origin: app.origin }
    const client = buildClient({ baseUrl: app.url, fetch }, { document, location })
    await assert.rejects(client.profile.update({}), isCode('authentication_required'))
    assert.equal(sent[0]?.headers.get('x-identsphere-csrf'), '1.x')
  })
})

describe('a client error', () => {
  it('contains code, status, request id, details and retry delay', async () => {
    const { client } = pageOf()
    const error = await failure(client.signUp({ ...newcomer(), email: 'nobody' }))
    assert.ok(error instanceof IdentSphereClientError)
    assert.deepEqual([error.code, error.status, error.name], ['invalid_input', 400, 'IdentSphereClientError'])
    assert.match(error.requestId ?? '', /^[0-9a-f-]{36}$/)
    assert.deepEqual((error.details as Array<{ path: string }>)[0]?.path, 'email')
    assert.equal(error.retryAfterSeconds, null)

    const { email } = await signUp(app)
    const guess = () => client.signIn.password({ email, password: 'wrong-horse-battery-7' })
    let last: unknown
    for (let tries = 0; tries < 12; tries += 1) last = await failure(guess())
    assert.ok(last instanceof IdentSphereClientError && last.code === 'rate_limited')
    assert.ok((last.retryAfterSeconds ?? 0) > 0)
  })

  it('is `network_error` if no server or a foreign one answers', async () => {
    const nobody = createClient({ baseUrl: 'http://localhost:1' })
    const error = await failure(nobody.profile.get())
    assert.ok(isCode('network_error')(error) && error.status === 0 && error.cause instanceof Error)
    const page = pageOf(app.client(), { fetch: () => Promise.resolve(new Response('<h1>no</h1>', { status: 502 })) })
    const answered = await failure(page.client.profile.get())
    assert.ok(isCode('network_error')(answered) && answered.status === 502)
    assert.equal((await pageOf().client.fetch(`${app.url}/broken`)).status, 502)
  })

  it('is `network_error` if a foreign answer looks like a success', async () => {
    for (const body of ['<h1>Accept our terms</h1>', '{"status":"succ']) {
      const portal = pageOf(app.client(), { fetch: async () => new Response(body) })
      for (const call of [
        portal.client.profile.get(),
        portal.client.signIn.password({ email: 'a@example.com', password }),
      ]) {
        const error = await failure(call)
        assert.ok(isCode('network_error')(error) && error.status === 200, String(error))
      }
    }
  })

  it('is `network_error` and ends no session if a foreign server answers a refresh', async () => {
    const page = pageOf()
    await page.client.signUp(newcomer())
    const { fetch } = cookieFetch(page.browser)
    const caught = pageOf(page.browser, {
      async fetch(input, init) {
        const isRefresh = (input as Request).url.endsWith('/v1/auth/refresh')
        return isRefresh ? new Response('<h1>Accept our terms</h1>') : fetch(input, init)
      },
    })
    await caught.client.session()
    app.clock.advance(901)
    assert.ok(isCode('network_error')(await failure(caught.client.profile.get())))
    assert.deepEqual(caught.changes, [])
    assert.equal((await page.client.profile.get()).email, `c${people}@example.com`)
  })
})

describe("a call to the host's own API", () => {
  it('gets the CSRF token and a retry, and returns any answer', async () => {
    const page = pageOf()
    await page.client.signUp(newcomer())
    app.clock.advance(901)
    const response = await page.client.fetch(`${app.url}/things`, { method: 'POST', body: '{"a":1}' })
    assert.deepEqual(await response.json(), { done: true })
    assert.equal(await page.sent.at(-1)?.text(), '{"a":1}', 'the body is sent again unchanged')
    const asRequest = await page.client.fetch(new Request(`${app.url}/things`, { method: 'PUT' }))
    assert.equal(asRequest.status, 200)
    const forged = await page.client.fetch(`${app.url}/things`, {
      method: 'POST',
      headers: { 'X-IdentSphere-CSRF': 'x' },
    })
    assert.equal(((await forged.json()) as { error: { code: string } }).error.code, 'csrf_failed')
    assert.equal((await pageOf().client.fetch(`${app.url}/things`)).status, 401)
  })

  it('sends neither tokens nor a refresh to another origin', async () => {
    const received: IncomingHttpHeaders[] = []
    const stranger = createServer((request, response) => {
      received.push(request.headers)
      response.writeHead(401, { 'Content-Type': 'application/json' })
      response.end('{"error":{"code":"authentication_required","message":"Give me your token."}}')
    }).listen(0, 'localhost')
    await new Promise((resolve) => stranger.once('listening', resolve))
    const url = `http://localhost:${(stranger.address() as AddressInfo).port}/`
    try {
      for (const tokenDelivery of ['cookie', 'body'] as const) {
        const browser = app.client()
        const own = cookieFetch(browser)
        const client = createClient({
          baseUrl: app.url,
          tokenDelivery,
          fetch: (input, init) => ((input as Request).url === url ? fetch(input, init) : own.fetch(input, init)),
        })
        await client.signUp(newcomer())
        const before = own.sent.length
        assert.equal((await client.fetch(url, { method: 'POST', body: 'x' })).status, 401)
        assert.equal(own.sent.length, before)
      }
      assert.equal(received.length, 2)
      for (const headers of received) {
        assert.ok(!('x-identsphere-csrf' in headers) && !('authorization' in headers) && !('cookie' in headers))
      }
    } finally {
      stranger.closeAllConnections()
      stranger.close()
    }
  })
})

describe("a client's step-up", () => {
  it('sends nothing for a user who signs in during the step-up', async () => {
    for (const kind of ['another origin', 'own origin', 'native'] as const) {
      const other = newcomer()
      await pageOf().client.signUp(other)
      const options: ClientOptions = {
        async onStepUp() {
          const { email } = other
          if (kind === 'native') await page.client.signIn.password({ email, password })
          else assert.equal((await page.browser.post('/v1/auth/login', { email, password })).status, 200)
          // Like a page that hears of the sign-in from the other tab.
          if (kind === 'another origin') await page.client.session()
          return true
        },
        ...(kind === 'native' ? { tokenDelivery: 'body' } : {}),
      }
      const page: Page = kind === 'own origin' ? ownPageOf(app.client(), options) : pageOf(app.client(), options)
      await page.client.signUp(newcomer())
      app.clock.advance(601)
      assert.ok(isCode('reauthentication_required')(await failure(page.client.profile.erase())), kind)
      const rows = await app.sql('SELECT status FROM identsphere.users WHERE email = $1', [other.email])
      assert.deepEqual(rows, [{ status: 'active' }], kind)
    }
  })

  it('happens once, and all calls that need it are then sent again', async () => {
    const asked: IdentSphereClientError[] = []
    const page = pageOf(app.client(), {
      async onStepUp(error) {
        asked.push(error)
        await page.client.reauthenticate({ password })
        return true
      },
    })
    await page.client.signUp(newcomer())
    app.clock.advance(601)
    const [payout, data] = await Promise.all([
      page.client.fetch(`${app.url}/payouts`, { method: 'POST' }),
      page.client.profile.export(),
    ])
    assert.deepEqual(await payout.json(), { paid: true })
    assert.ok(Object.keys(data).length > 0)
    assert.deepEqual(
      asked.map(({ code, status }) => [code, status]),
      [['reauthentication_required', 401]],
    )
    app.clock.advance(601)
    await page.client.profile.export()
    assert.equal(asked.length, 2)
  })

  it('happens twice if a route requires two proofs', async () => {
    const { client: browser, code } = await enrol(app)
    const asked: string[] = []
    const page = ownPageOf(browser, {
      async onStepUp({ code: proof }) {
        asked.push(proof)
        if (proof === 'mfa_required') await page.client.mfa.verify(code())
        else await page.client.reauthenticate({ password })
        return true
      },
    })
    app.clock.advance(1801)
    const { secret } = await page.client.mfa.setup()
    assert.match(secret, /^[A-Z2-7]{32}$/)
    assert.deepEqual(asked, ['reauthentication_required', 'mfa_required'])
  })

  it('returns the first answer if it is refused or changes nothing', async () => {
    for (const isConfirmed of [false, true]) {
      let asked = 0
      const page = pageOf(app.client(), {
        async onStepUp() {
          asked += 1
          return isConfirmed
        },
      })
      await page.client.signUp(newcomer())
      app.clock.advance(601)
      await assert.rejects(page.client.profile.export(), isCode('reauthentication_required'))
      assert.equal((await page.client.fetch(`${app.url}/payouts`, { method: 'POST' })).status, 401)
      assert.equal(asked, 2)
    }
  })
})

describe('a native application', () => {
  /** A client in which another user signs in while a request to `path` is pending. The answer arrives afterwards. */
  async function interrupted(path: string) {
    const other = newcomer()
    await pageOf().client.signUp(other)
    const { fetch } = cookieFetch(app.client())
    let isPending = false
    const page = pageOf(app.client(), {
      tokenDelivery: 'body',
      async fetch(input, init) {
        const isIt = isPending && (input as Request).url.endsWith(path)
        if (isIt) isPending = false
        const answer = await fetch(input, init)
        if (isIt) await page.client.signIn.password({ email: other.email, password })
        return answer
      },
    })
    await page.client.signUp(newcomer())
    isPending = true
    return { ...page, other }
  }

  async function assertOnlyOther({ client, other }: Awaited<ReturnType<typeof interrupted>>) {
    assert.equal((await client.session())?.user.email, other.email)
    assert.equal((await client.profile.get()).bio, null)
    app.clock.advance(901)
    assert.equal((await client.profile.get()).email, other.email)
  }

  it('sends no request of one user with the session of another', async () => {
    const page = await interrupted('/v1/users/me')
    app.clock.advance(901)
    await assert.rejects(page.client.profile.update({ bio: 'mine' }), isCode('authentication_required'))
    await assertOnlyOther(page)
  })

  it('keeps the newest tokens despite late answers of an earlier session', async () => {
    for (const path of ['/v1/auth/reauthenticate', '/v1/auth/refresh']) {
      const page = await interrupted(path)
      if (path === '/v1/auth/refresh') app.clock.advance(901)
      const call = path === '/v1/auth/refresh' ? page.client.profile.get() : page.client.reauthenticate({ password })
      await call.catch(() => {})
      await assertOnlyOther(page)
    }
  })

  it('keeps the newest tokens if an earlier session has ended', async () => {
    const page = await interrupted('/v1/auth/refresh')
    const { id = '' } = (await page.client.session())?.session ?? {}
    await app.identsphere.api.sessions.revoke(id)
    await assert.rejects(page.client.profile.get(), isCode('authentication_required'))
    await assertOnlyOther(page)
    assert.deepEqual(
      page.changes.map(({ type }) => type),
      ['signed_in', 'signed_in'],
    )
  })

  it('stores tokens in its own store, uses no cookie and refreshes by itself', async () => {
    let kept: StoredTokens | null = null
    const browser = app.client()
    const tokenStore = {
      load: async () => kept,
      async save(tokens: StoredTokens) {
        kept = tokens
      },
    }
    const page = pageOf(browser, { tokenDelivery: 'body', tokenStore })
    const person = newcomer()
    assert.equal(await page.client.session(), null)
    assert.deepEqual(page.sent, [])
    await page.client.signUp(person)
    const first = kept as StoredTokens | null
    assert.ok(first?.access_token && first.refresh_token && first.device_token)
    app.clock.advance(901)
    await Promise.all([page.client.profile.get(), page.client.profile.update({ bio: 'x' })])
    assert.equal(refreshes(page), 1)
    const second = kept as StoredTokens | null
    assert.notEqual(second?.refresh_token, first.refresh_token)
    assert.equal(second?.device_token, first.device_token)
    assert.equal(browser.cookies.size, 0)

    const later = pageOf(app.client(), { tokenDelivery: 'body', tokenStore })
    assert.equal((await later.client.session())?.user.email, person.email)
    await later.client.signOut()
    assert.deepEqual(kept, { access_token: null, refresh_token: null, device_token: first.device_token })
    await later.client.signIn.password({ email: person.email, password })
    assert.equal(JSON.parse((await later.sent.at(-1)?.text()) ?? '').device_token, first.device_token)
  })
})
