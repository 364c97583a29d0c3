/**
 * Passkeys with a client that stores its own tokens. A token replaces the cookie that binds a ceremony to its client.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import type { Client } from '../../lib/client/index.js'
import { password, startApp, type TestApp } from '../support/app.js'
import { browserFor, type PageWatch, plugInAuthenticator, watchPage } from '../support/browser.js'
import { totp } from '../support/mfa.js'

/** A variable of the page, for functions that run in it. */
declare const client: Client

const chromium = browserFor('the client is NOT tested in one')

describe('passkeys with tokens in the body', { skip: chromium.skip }, () => {
  const credentials = { email: 'ada@example.com', password }
  let app: TestApp
  let browser: Browser
  let page: Page
  let watch: PageWatch

  before(async () => {
    app = await startApp({
      routes(host) {
        host.get('/page', (_request, response) => {
          response.send('<!doctype html><link rel="icon" href="data:,"><script type="module" src="page.js"></script>')
        })
        host.get('/page.js', (_request, response) => {
          response.type('js').send(`import { createClient } from './v1/client.js'
            globalThis.client = createClient({ baseUrl: '${app.mount}/', tokenDelivery: 'body' })`)
        })
      },
    })
    browser = await chromium.launch()
    page = await browser.newPage()
    watch = await watchPage(page)
    await plugInAuthenticator(page)
    await page.goto(`${app.url}/page`)
    await page.waitForFunction('globalThis.client')
  })
  after(async () => {
    await browser?.close()
    await app?.close()
  })

  it('are registered', async () => {
    await page.evaluate((person) => client.signUp({ ...person, organization_name: 'Works' }), credentials)
    await app.sql('UPDATE identsphere.users SET email_verified_at = now()')
    const label = await page.evaluate(async (password) => {
      await client.reauthenticate({ password, purpose: 'passkey_registration' })
      return (await client.passkeys.register({ label: 'Laptop' })).label
    }, password)
    assert.equal(label, 'Laptop')
  })

  it('sign in with and without an address', async () => {
    for (const input of [{}, { email: credentials.email }]) {
      const { email, auth_method } = await page.evaluate(async (given) => {
        await client.signOut()
        return (await client.passkeys.signIn(given)).user
      }, input)
      assert.deepEqual([email, auth_method], [credentials.email, 'passkey'])
      assert.equal((await page.evaluate(() => client.session()))?.user.email, credentials.email)
    }
  })

  it('serve as second factor, as step-up and as reauthentication', async () => {
    const { secret } = await page.evaluate(() => client.mfa.setup())
    await page.evaluate((code) => client.mfa.enable(code), totp(secret, app.clock.now()))
    const method = await page.evaluate(async (person) => {
      await client.signOut()
      const answer = await client.signIn.password(person)
      if (answer.status !== 'mfa_required') return answer.status
      return (await client.passkeys.challenge(answer.mfa_token)).user.auth_method
    }, credentials)
    assert.equal(method, 'password_with_mfa')
    assert.equal(await page.evaluate(async () => (await client.passkeys.verify()).verified), true)
    assert.ok(await page.evaluate(async () => (await client.passkeys.reauthenticate()).auth_time))
  })

  it('leave no cookies and cause no errors', async () => {
    assert.deepEqual(await page.context().cookies(), [])
    assert.deepEqual(watch.errors, [])
    assert.deepEqual(watch.refusals, [])
  })
})
