import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { signUp } from '../support/app.js'
import { browserFor, watchPage } from '../support/browser.js'
import { Client } from '../support/client.js'
import { type Example, startExample } from '../support/example.js'
import { freePort } from '../support/ports.js'
import { createTestDatabase, type TestDatabase } from '../support/postgres.js'

describe('the server-rendered example', () => {
  const folder = mkdtempSync(join(tmpdir(), 'identsphere-rendered-'))
  const chromium = browserFor('the rendered pages are NOT tested')
  let database: TestDatabase
  let server: Example
  let app: { client(): Client }

  before(async () => {
    database = await createTestDatabase()
    server = await startExample('server-rendered', { folder, port: await freePort(), databaseUrl: database.url })
    app = { client: () => new Client(server.url) }
  })
  after(async () => {
    await server?.stop('SIGKILL')
    await database?.drop()
    rmSync(folder, { recursive: true, force: true })
  })

  describe('a browser', { skip: chromium.skip }, () => {
    let browser: Browser
    let context: BrowserContext
    let page: Page
    let errors: string[]
    before(async () => {
      browser = await chromium.launch()
      context = await browser.newContext()
      page = await context.newPage()
      page.setDefaultTimeout(15_000)
      errors = (await watchPage(page)).errors
    })
    after(() => browser?.close())

    const wanted = () => `${server.url}/notes?tag=a%26b&x=%22%3E`
    const isAt = (url: string) => page.waitForURL(url, { waitUntil: 'load' })

    it('is sent to the sign-in page without a session, and back afterwards', async () => {
      await page.goto(wanted())
      assert.equal(new URL(page.url()).pathname, '/sign-in')
      await page.getByRole('link', { name: 'Create an account' }).click()
      await page.getByLabel('E-mail').fill('ada@example.com')
      await page.getByLabel('Password').fill('password1234')
      await page.getByLabel('Organization').fill('Analytical Engines')
      await page.getByRole('button', { name: 'Create account' }).click()
      await page.getByRole('alert').filter({ hasText: 'password' }).waitFor()
      await page.getByLabel('Password').fill('correct-horse-battery-7')
      await page.getByRole('button', { name: 'Create account' }).click()
      await isAt(wanted())
      await page.getByText('Signed in as ada@example.com').waitFor()
    })

    it('sends a form with its hidden token and gets escaped output', async () => {
      const text = `<img src=x onerror=alert(1)>"'&lt;`
      await page.getByLabel('Note').fill(text)
      await page.getByRole('button', { name: 'Add' }).click()
      await page.getByRole('listitem').filter({ hasText: text }).waitFor()
      assert.equal(await page.locator('img').count(), 0)
      assert.equal(new URL(page.url()).search, '?tag=a%26b')
    })

    it('returns by itself after the access token has expired', async () => {
      await context.clearCookies({ name: 'identsphere_at' })
      await page.goto(wanted())
      assert.equal(page.url(), wanted())
      await page.getByText('Signed in as ada@example.com').waitFor()
      const names = (await context.cookies()).map(({ name }) => name)
      assert.ok(names.includes('identsphere_at'))
    })

    it('gets an explanation if a form was sent too late, and can continue', async () => {
      await context.clearCookies({ name: 'identsphere_at' })
      await page.getByLabel('Note').fill('too late')
      await page.getByRole('button', { name: 'Add' }).click()
      await page.getByRole('link', { name: 'Continue' }).click()
      await isAt(`${server.url}/notes`)
      assert.equal(await page.getByRole('listitem').count(), 1)
    })

    it('signs out and in again', async () => {
      await page.getByRole('button', { name: 'Sign out' }).click()
      await isAt(`${server.url}/sign-in`)
      await page.goto(wanted())
      await page.getByLabel('E-mail').fill('ada@example.com')
      await page.getByLabel('Password').fill('correct-horse-battery-7')
      await page.getByRole('button', { name: 'Sign in' }).click()
      await isAt(wanted())
    })

    it('goes nowhere else after a sign-in, whatever return_to says', async () => {
      await page.goto(`${server.url}/sign-in?return_to=https%3A%2F%2Fevil.example%2F`)
      await page.getByLabel('E-mail').fill('ada@example.com')
      await page.getByLabel('Password').fill('correct-horse-battery-7')
      await page.getByRole('button', { name: 'Sign in' }).click()
      await isAt(`${server.url}/notes`)
    })

    it('breaks no content security policy and throws nothing', () => {
      assert.deepEqual(errors, [])
    })
  })

  describe('a form', () => {
    const form = (fields: Record<string, string>) => new URLSearchParams(fields).toString()
    const urlencoded = { 'content-type': 'application/x-www-form-urlencoded' }

    async function notes(client: Client): Promise<string> {
      const page = await client.get('/notes', { headers: { accept: 'text/html' } })
      assert.equal(page.status, 200)
      return page.text
    }

    async function tokenOn(client: Client): Promise<string> {
      return /name="_csrf" value="([^"]+)"/.exec(await notes(client))?.[1] ?? assert.fail('no hidden field')
    }

    it('is accepted with the token of its own session only', async () => {
      const { client } = await signUp(app)
      const other = await signUp(app)
      const token = await tokenOn(client)
      const attempts: Array<[string, string, Record<string, string>]> = [
        ['without a token', form({ text: 'evil' }), urlencoded],
        ['with an empty one', form({ text: 'evil', _csrf: '' }), urlencoded],
        ['with a wrong one', form({ text: 'evil', _csrf: `${token}x` }), urlencoded],
        ['with that of another session', form({ text: 'evil', _csrf: await tokenOn(other.client) }), urlencoded],
        ['with two', `${form({ text: 'evil', _csrf: token })}&_csrf=${token}`, urlencoded],
        [
          'from a foreign page',
          form({ text: 'evil', _csrf: token }),
          { ...urlencoded, origin: 'https://evil.example' },
        ],
        [
          'with the right one in the address',
          form({ text: 'evil' }),
          { ...urlencoded, referer: `${server.url}/notes?_csrf=${token}` },
        ],
        [
          'as multipart, which no parser reads',
          `--x\r\nContent-Disposition: form-data; name="_csrf"\r\n\r\n${token}\r\n--x--\r\n`,
          { 'content-type': 'multipart/form-data; boundary=x' },
        ],
        ['as plain text', form({ text: 'evil', _csrf: token }), { 'content-type': 'text/plain' }],
      ]
      for (const [what, raw, headers] of attempts) {
        const answer = await client.send('POST', '/notes', { raw, headers, csrf: false })
        assert.equal(answer.status, 403, what)
        assert.match(answer.text, /Nothing was saved/)
      }
      assert.ok(!(await notes(client)).includes('evil'))
      const raw = form({ text: 'mine', tag: 't', _csrf: token })
      const taken = await client.send('POST', '/notes', { raw, headers: urlencoded, csrf: false })
      assert.deepEqual([taken.status, taken.headers.location], [303, '/notes?tag=t'])
      assert.match(await notes(client), /mine/)
      assert.ok(!(await notes(other.client)).includes('mine'))
    })

    it('is refused without a session, and its page is never cached', async () => {
      const answer = await app.client().send('POST', '/notes', { raw: form({ text: 'x' }), headers: urlencoded })
      assert.equal(answer.status, 401)
      assert.equal(answer.headers['cache-control'], 'no-store')
      const { client } = await signUp(app)
      const page = await client.get('/notes', { headers: { accept: 'text/html' } })
      assert.equal(page.headers['cache-control'], 'no-store')
      assert.match(String(page.headers['content-security-policy']), /default-src 'none'/)
    })
  })
})
