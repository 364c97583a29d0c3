import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { browserFor, watchPage } from '../support/browser.js'
import { type Example, startExample } from '../support/example.js'
import { freePort } from '../support/ports.js'
import { createTestDatabase, type TestDatabase } from '../support/postgres.js'

const chromium = browserFor('the page on another host is NOT tested')

describe('a page on another host than the API', { skip: chromium.skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'identsphere-spa-'))
  const email = 'ada@example.com'
  let database: TestDatabase
  let server: Example
  let stranger: Server
  let strangerPort: number
  let browser: Browser
  let context: BrowserContext
  let page: Page
  let errors: string[]
  let api: string

  before(async () => {
    database = await createTestDatabase()
    const [port, pagePort] = [await freePort(), await freePort()]
    const environment = { PAGE_PORT: String(pagePort) }
    server = await startExample('spa-subdomain', { folder, port, databaseUrl: database.url, environment })
    api = `http://api.example.localhost:${port}`
    stranger = createServer((_request, response) => {
      response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>stranger</title>')
    }).listen(0, 'localhost')
    await new Promise((resolve) => stranger.once('listening', resolve))
    strangerPort = (stranger.address() as AddressInfo).port
    browser = await chromium.launch()
    context = await browser.newContext()
    page = await context.newPage()
    page.setDefaultTimeout(15_000)
    errors = (await watchPage(page)).errors
  })
  after(async () => {
    await browser?.close()
    stranger?.closeAllConnections()
    stranger?.close()
    await server?.stop('SIGKILL')
    await database?.drop()
    rmSync(folder, { recursive: true, force: true })
  })

  const visits = () => page.locator('#count')
  const isHome = () => page.getByRole('heading', { name: `Hello, ${email}` }).waitFor()

  async function fill(button: string): Promise<void> {
    await page.getByLabel('E-mail').fill(email)
    await page.getByLabel('Password').fill('correct-horse-battery-7')
    await page.getByRole('button', { name: button }).click()
  }

  it('leads to its own sign-in page without a session, and back', async () => {
    await page.goto(`${server.url}/?tab=1#here`)
    await page.waitForURL(/\/sign-in\?/)
    assert.equal(new URL(page.url()).origin, server.url)
    await fill('Create account')
    await isHome()
    assert.equal(page.url(), `${server.url}/?tab=1#here`)
    const cookies = await context.cookies(`${api}/v1/auth`)
    assert.deepEqual([...new Set(cookies.map(({ domain }) => domain))], ['api.example.localhost'])
    assert.equal(await page.evaluate('document.cookie'), '', 'the page reads no cookie of the API')
  })

  it('reads and writes with the cookies of the API, even after a reload', async () => {
    for (const count of ['1', '2']) {
      await page.getByRole('button', { name: 'Visit' }).click()
      await page.locator('#count', { hasText: count }).waitFor()
      await page.reload()
      await isHome()
    }
    assert.equal(await visits().textContent(), '2')
  })

  it('returns to the same address after the access token has expired', async () => {
    await context.clearCookies({ name: 'identsphere_at' })
    await page.goto(`${server.url}/?tab=2#there`)
    await isHome()
    assert.equal(page.url(), `${server.url}/?tab=2#there`)
    await context.clearCookies({ name: 'identsphere_at' })
    await page.getByRole('button', { name: 'Visit' }).click()
    await page.locator('#count', { hasText: '3' }).waitFor()
  })

  for (const [what, host] of [
    ['of another site', 'evil.localhost'],
    ['of an unlisted host of the same site', 'evil.example.localhost'],
    ['of the same host on another port', 'example.localhost'],
  ]) {
    it(`shows and changes nothing for a page ${what}`, async () => {
      const foreign = await context.newPage()
      await foreign.goto(`http://${host}:${strangerPort}/`)
      const send = (path: string, options: object) =>
        foreign.evaluate<string>(
          `fetch(${JSON.stringify(api + path)}, ${JSON.stringify({ credentials: 'include', ...options })})
            .then(async (answer) => answer.status + ' ' + answer.type + ' ' + (await answer.text()), (error) => error.name)`,
        )
      const json = { 'Content-Type': 'application/json', 'X-IdentSphere-CSRF': 'x' }
      for (const [path, options] of [
        ['/v1/auth/session', {}],
        ['/v1/users/me', {}],
        ['/visits', {}],
        ['/v1/auth/login', { method: 'POST', headers: json, body: '{}' }],
        ['/v1/auth/refresh', { method: 'POST' }],
        ['/v1/auth/logout', { method: 'POST' }],
        ['/v1/users/me', { method: 'PATCH', headers: json, body: '{}' }],
        ['/v1/users/me/sessions', { method: 'DELETE' }],
      ] as const) {
        assert.equal(await send(path, options), 'TypeError', path)
      }
      assert.equal(await send('/v1/auth/logout', { method: 'POST', mode: 'no-cors' }), '0 opaque ')
      assert.match(await send('/.well-known/jwks.json', { credentials: 'omit' }), /^200 cors /)
      await foreign.close()
      await page.reload()
      await isHome()
    })
  }

  it('signs out', async () => {
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.waitForURL(`${server.url}/sign-in`)
    const left = await context.cookies(`${api}/v1/auth`)
    assert.deepEqual(
      left.map(({ name }) => name),
      ['identsphere_device'],
    )
    await page.goto(server.url)
    await page.waitForURL(/\/sign-in\?/)
    await fill('Sign in')
    await isHome()
    assert.equal(await visits().textContent(), '3')
  })

  it('breaks no content security policy and throws nothing', () => {
    assert.deepEqual(errors, [])
  })
})
