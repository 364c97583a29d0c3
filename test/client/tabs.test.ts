/** `GET /v1/client.js` and several tabs of a browser that use it, with the router mounted at a path. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import type { Change, Client } from '../../lib/client/index.js'
import { password, signUp, startApp, type TestApp } from '../support/app.js'
import { browserFor, watchPage } from '../support/browser.js'

/** Variables of the page, for functions that run in it. */
declare const client: Client
declare const changes: Change[]

const chromium = browserFor('the client is NOT tested in one')

let app: TestApp
before(async () => {
  app = await startApp({
    mount: '/identity',
    routes(host) {
      host.get('/page', (_request, response) => {
        response.setHeader('Content-Security-Policy', "default-src 'none'; script-src 'self'; connect-src 'self'")
        response.send('<!doctype html><title>page</title><script type="module" src="page.js"></script>')
      })
      host.get('/page.js', (_request, response) => {
        response.type('js').send(`import { createClient } from '/identity/v1/client.js'
          globalThis.client = createClient()
          globalThis.changes = []
          client.onChange((change) => changes.push(change))`)
      })
    },
  })
})
after(() => app.close())

describe('the served client', () => {
  it('is a small cacheable script without imports, for every origin', async () => {
    const answer = await app.client().get('/v1/client.js')
    assert.equal(answer.status, 200)
    assert.equal(answer.headers['content-type'], 'text/javascript; charset=utf-8')
    assert.equal(answer.headers['x-content-type-options'], 'nosniff')
    assert.equal(answer.headers['cache-control'], 'public, max-age=300')
    assert.equal(answer.headers['access-control-allow-origin'], '*')
    assert.equal(answer.headers['set-cookie'], undefined)
    assert.ok(answer.text.length < 25_000, `${answer.text.length} characters`)
    assert.doesNotMatch(answer.text, /\bimport\b(?!\.meta\.url)|require\(|sourceMappingURL|\beval\(|new Function/)
    const { etag } = answer.headers
    for (const known of [etag, `W/${etag}`]) {
      const again = await app.client().get('/v1/client.js', { headers: { 'if-none-match': known } })
      assert.deepEqual([again.status, again.text, again.headers.etag], [304, '', etag])
    }
    const other = await app.client().get('/v1/client.js', { headers: { 'if-none-match': '"x"' } })
    assert.equal(other.status, 200)
  })
})

describe('the tabs of a browser', { skip: chromium.skip }, () => {
  let browser: Browser
  let tabs: Page[]
  let errors: string[][]
  let refreshes = 0
  const email = 'ada@example.com'

  before(async () => {
    await signUp(app, { email })
    browser = await chromium.launch()
    const context = await browser.newContext()
    context.on('request', (request) => {
      if (request.url().endsWith('/v1/auth/refresh')) refreshes += 1
    })
    tabs = []
    errors = []
    for (let index = 0; index < 3; index += 1) {
      const tab = await context.newPage()
      tab.setDefaultTimeout(10_000)
      errors.push((await watchPage(tab)).errors)
      await tab.goto(`${app.origin}/page`)
      await tab.waitForFunction('globalThis.client')
      tabs.push(tab)
    }
  })
  after(() => browser?.close())

  const inAll = <T>(work: () => Promise<T>) => Promise.all(tabs.map((tab) => tab.evaluate(work)))
  const seen = (type: string) =>
    Promise.all(tabs.map((tab) => tab.waitForFunction((wanted) => changes.at(-1)?.type === wanted, type)))

  it('hear of a sign-in in one of them', async () => {
    const [first] = tabs
    assert.equal(await first?.evaluate(() => client.session()), null)
    await first?.evaluate((credentials) => client.signIn.password(credentials), { email, password })
    await seen('signed_in')
    assert.deepEqual(
      (await inAll(async () => changes)).map((all) => all.map(({ here }) => here)),
      [[true], [false], [false]],
    )
  })

  it('share one refresh if their access token expires', async () => {
    for (let round = 1; round <= 3; round += 1) {
      app.clock.advance(901)
      const answers = await inAll(() => Promise.all([client.session(), client.profile.get(), client.sessions.list()]))
      for (const [session, profile, sessions] of answers) {
        assert.deepEqual([session?.user.email, profile.email, sessions.length], [email, email, 2])
      }
      assert.equal(refreshes, round)
    }
    const reused = await app.sql("SELECT 1 FROM identsphere.audit_logs WHERE action = 'auth.refresh.reused'")
    assert.deepEqual(reused, [])
  })

  it('hear of a sign-out in one of them', async () => {
    await tabs[1]?.evaluate(() => client.signOut())
    await seen('signed_out')
    assert.deepEqual(await inAll(() => client.session()), [null, null, null])
  })

  it('hear of a session ended elsewhere from the first that notices', async () => {
    await tabs[0]?.evaluate((credentials) => client.signIn.password(credentials), { email, password })
    await seen('signed_in')
    await app.sql('UPDATE identsphere.user_sessions SET revoked_at = now() WHERE revoked_at IS NULL')
    assert.equal(await tabs[2]?.evaluate(() => client.session()), null)
    await seen('session_ended')
  })

  it('break no content security policy and throw nothing', () => {
    assert.deepEqual(errors, [[], [], []])
  })
})
