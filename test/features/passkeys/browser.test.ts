import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Browser, CDPSession, Page } from 'playwright-core'
import { password, startApp, type TestApp } from '../../support/app.js'
import { browserFor, type PageWatch, plugInAuthenticator, watchPage } from '../../support/browser.js'

const chromium = browserFor('passkeys are NOT tested in one')

/** The script that the guide tells the host to put into a page. */
const guide = readFileSync(join(import.meta.dirname, '../../../docs/passkeys.md'), 'utf8')
const script = /```js\n(.*?)```/s.exec(guide)?.[1] ?? assert.fail('the guide contains no script')

describe('passkeys in a browser, with the script of the guide', { skip: chromium.skip }, () => {
  let app: TestApp
  let browser: Browser
  let page: Page
  let watch: PageWatch
  let devtools: CDPSession
  let authenticatorId: string
  let userId: string

  before(async () => {
    app = await startApp({
      routes: (host) =>
        host.use('/page', (_request, response) => {
          response.setHeader('Content-Type', 'text/html; charset=utf-8')
          response.end(
            `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script>${mounted(script)}</script>`,
          )
        }),
    })
    browser = await chromium.launch()
    page = await browser.newPage()
    watch = await watchPage(page)
    ;({ devtools, authenticatorId } = await plugInAuthenticator(page))
    await page.goto(`${app.url}/page`)
  })
  after(async () => {
    await browser?.close()
    await app?.close()
  })

  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes
  const run = (code: string): Promise<any> => page.evaluate(mounted(code))
  const mounted = (code: string) => code.replaceAll("'/v1/", `'${app.mount}/v1/`)
  const signInByPassword = () => run(`post('/v1/auth/login', { email: 'ada@example.com', password: '${password}' })`)

  it('are registered', async () => {
    const { user } = await run(
      `post('/v1/auth/register', { email: 'ada@example.com', password: '${password}', organization_name: 'Works' })`,
    )
    userId = user.user_id
    await app.sql('UPDATE identsphere.users SET email_verified_at = now() WHERE id = $1', [userId])
    const { passkey } = await run(`addPasskey('${password}')`)
    assert.equal(passkey.label, 'My laptop')
    assert.deepEqual(passkey.transports, ['internal'])
    const { credentials } = await devtools.send('WebAuthn.getCredentials', { authenticatorId })
    assert.equal(credentials.length, 1)
    assert.equal(credentials[0]?.rpId, 'localhost')
  })

  it('sign in without an address', async () => {
    await page.context().clearCookies()
    const { status, user } = await run('signInWithPasskey()')
    assert.equal(status, 'success')
    assert.equal(user.user_id, userId)
    assert.equal(user.auth_method, 'passkey')
    assert.ok(user.mfa_verified_at)
  })

  it('do not sign in if the device did not verify its user', async () => {
    await page.context().clearCookies()
    await devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false })
    await assert.rejects(run('signInWithPasskey()'), /NotAllowedError/)
    await devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true })
  })

  it('step up a session that began with a password', async () => {
    assert.equal((await signInByPassword()).user.mfa_verified_at, null)
    const { verified } = await run('stepUp()')
    assert.equal(verified, true)
    const { user } = await run(`fetch('/v1/auth/session').then((answer) => answer.json())`)
    assert.ok(user.mfa_verified_at)
  })

  it('are removed and then do not sign in', async () => {
    const status = await run(`(async () => {
      const { passkeys } = await (await fetch('/v1/users/me/passkeys')).json()
      const csrf = document.cookie.match(/identsphere_csrf=([^;]*)/)[1]
      const headers = { 'X-IdentSphere-CSRF': csrf }
      return (await fetch('/v1/users/me/passkeys/' + passkeys[0].id, { method: 'DELETE', headers })).status
    })()`)
    assert.equal(status, 204)
    await page.context().clearCookies()
    await assert.rejects(run('signInWithPasskey()'), /invalid_credentials/)
  })

  it('cause no errors on the page and no requests to other origins', () => {
    assert.deepEqual(watch.errors, [])
    assert.deepEqual(watch.refusals, [`401 POST ${app.mount}/v1/auth/passkey/login/complete`])
    assert.deepEqual(
      [...watch.origins].filter((origin) => origin !== 'null'),
      [app.origin],
    )
  })
})
