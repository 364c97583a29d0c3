import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import pg from 'pg'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { browserFor, type PageWatch, plugInAuthenticator, watchPage } from '../support/browser.js'
import { type Example, startExample } from '../support/example.js'
import { totp } from '../support/mfa.js'
import { freePort } from '../support/ports.js'
import { createEmptyDatabase, type TestDatabase } from '../support/postgres.js'

const screenshots = join(import.meta.dirname, '../screenshots')
const person = {
  name: 'Ada Lovelace',
  email: 'ada@example.com',
  password: 'correct-horse-battery-7',
  organization: 'Analytical Engines',
}
const newPassword = 'staple-orbit-lantern-4'
const desktop = { viewport: { width: 1280, height: 900 } }
const mobile = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }
const iPhone =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1'

const chromium = browserFor('the quickstart page is NOT tested')

describe('the quickstart page', { skip: chromium.skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'identsphere-quickstart-'))
  const watches = new Map<Page, PageWatch>()
  let database: TestDatabase
  let port: number
  let server: Example
  let browser: Browser
  let laptop: Page
  let phone: Page

  before(async () => {
    mkdirSync(screenshots, { recursive: true })
    database = await createEmptyDatabase()
    port = await freePort()
    server = await startExample('quickstart', { folder, port, databaseUrl: database.url })
    browser = await chromium.launch()
    laptop = await open(desktop)
    phone = await open({ ...mobile, userAgent: iPhone, colorScheme: 'dark' })
  })
  after(async () => {
    await browser?.close()
    await server?.stop('SIGKILL')
    await database?.drop()
    rmSync(folder, { recursive: true, force: true })
  })

  async function open(options: BrowserContextOptions): Promise<Page> {
    const page = await (await browser.newContext({ ...options, reducedMotion: 'reduce' })).newPage()
    page.setDefaultTimeout(15_000)
    watches.set(page, await watchPage(page))
    await page.goto(server.url)
    return page
  }

  function watchOf(page: Page): PageWatch {
    const watch = watches.get(page)
    assert.ok(watch)
    return watch
  }

  async function picture(page: Page, name: string): Promise<void> {
    await page.screenshot({ path: join(screenshots, `quickstart-${name}.png`), fullPage: true })
  }

  async function signIn(page: Page, password = person.password): Promise<void> {
    if (await page.locator('#register').isVisible()) await page.getByRole('link', { name: 'Sign in' }).click()
    const form = page.locator('#sign-in-form')
    await form.getByLabel('E-mail').fill(person.email)
    await form.getByLabel('Password', { exact: true }).fill(password)
    await form.getByRole('button', { name: 'Sign in', exact: true }).click()
  }

  async function isHome(page: Page): Promise<void> {
    await page.getByRole('heading', { name: 'Hello, Ada' }).waitFor()
  }

  /** The answer shown below a route after its button was pressed. */
  function answerOf(page: Page, path: string) {
    return page.locator(`[data-path="${path}"] .answer`)
  }

  /** Resets the limit of five mails an hour to an address, which this test would reach in a minute. */
  async function anHourLater(): Promise<void> {
    const connection = new pg.Client(database.url)
    await connection.connect()
    await connection.query("DELETE FROM identsphere.budgets WHERE key LIKE 'mail:%:hour'")
    await connection.end()
  }

  const opened = new Set<string | null>()

  /** Opens the newest link of this kind in the mailbox as soon as it is a new one. */
  async function openLink(page: Page, path: string): Promise<void> {
    const link = page.locator(`a[href*="/v1/pages/${path}#token="]`).first()
    for (let tries = 0; tries < 50; tries += 1) {
      await page.goto(`${server.url}/v1/dev/mailbox`)
      if ((await link.count()) > 0 && !opened.has(await link.getAttribute('href'))) break
    }
    opened.add(await link.getAttribute('href'))
    await picture(page, `mailbox-${path}`)
    await link.click()
    await page.waitForURL(`${server.url}/v1/pages/${path}`)
  }

  it('shows errors of the server next to the field', async () => {
    const form = laptop.locator('#register')
    await picture(laptop, 'welcome')
    await form.getByRole('button', { name: 'Create account' }).click()
    assert.notEqual(await laptop.locator('#register-name-error').textContent(), '', 'an empty field is named')
    await form.getByLabel('Name').fill(person.name)
    await form.getByLabel('E-mail').fill('ada@example')
    await form.getByLabel('Password', { exact: true }).fill('password1234')
    await form.getByLabel('Organization').fill(person.organization)
    await form.getByRole('button', { name: 'Create account' }).click()
    await form.getByText('E-mail must be a valid e-mail address.').waitFor()
    await form.getByLabel('E-mail').fill(person.email)
    await form.getByRole('button', { name: 'Create account' }).click()
    await form.getByText('This is one of the most used passwords').waitFor()
    const field = form.getByLabel('Password', { exact: true })
    assert.equal(await field.getAttribute('aria-invalid'), 'true')
    assert.ok(await form.locator('#register-password:focus').isVisible())
    await picture(laptop, 'refused')
  })

  it('registers and shows the signed-in user', async () => {
    const form = laptop.locator('#register')
    await form.getByLabel('Password', { exact: true }).fill(person.password)
    await form.getByRole('button', { name: 'Create account' }).click()
    await isHome(laptop)
    const who = laptop.getByRole('region', { name: 'Who am I' })
    for (const text of [person.email, 'owner', 'not confirmed yet', 'members:invite']) {
      await who.getByText(text, { exact: true }).waitFor()
    }
    const cookies = await laptop.context().cookies(server.url)
    const readable = cookies.filter((cookie) => !cookie.httpOnly).map((cookie) => cookie.name)
    assert.deepEqual(readable, ['identsphere_csrf'])
  })

  it('names a taken address, and gives wrong credentials one constant text', async () => {
    const form = phone.locator('#register')
    await form.getByLabel('Name').fill('Somebody Else')
    await form.getByLabel('E-mail').fill(person.email)
    await form.getByLabel('Password', { exact: true }).fill(person.password)
    await form.getByLabel('Organization').fill('Else Ltd')
    await form.getByRole('button', { name: 'Create account' }).click()
    await phone.getByText('E-mail is taken.').waitFor()
    await signIn(phone, 'not-the-right-password')
    await phone.getByText('The credentials are not valid.').waitFor()
    await picture(phone, 'mobile-dark-refused')
  })

  it('signs in from a second browser, and both show two sessions', async () => {
    await signIn(phone)
    await isHome(phone)
    await phone.getByRole('listitem').filter({ hasText: 'Safari on iPhone' }).getByText('This browser').waitFor()
    await laptop.reload()
    await isHome(laptop)
    const sessions = laptop.locator('#sessions > li')
    assert.equal(await sessions.count(), 2)
    assert.match((await sessions.first().textContent()) ?? '', /Chrome on Linux.*This browser/s)
    assert.match((await sessions.last().textContent()) ?? '', /Safari on iPhone/)
  })

  it('shows the answers of guarded routes', async () => {
    await laptop.getByRole('button', { name: 'Call /api/me' }).click()
    await answerOf(laptop, '/api/me').getByText('200 OK').waitFor()
    await answerOf(laptop, '/api/me').getByText(person.email, { exact: true }).waitFor()
    await laptop.getByRole('button', { name: 'Call /api/reports' }).click()
    await answerOf(laptop, '/api/reports').getByRole('cell', { name: 'November' }).waitFor()
    await laptop.getByLabel('Note', { exact: true }).fill('Call the printer <b>today</b>')
    await laptop.getByRole('button', { name: 'Add note' }).click()
    await answerOf(laptop, '/api/notes').getByText('Call the printer <b>today</b>').first().waitFor()
    await picture(laptop, 'home')
  })

  it('shows that a request without the CSRF token is refused', async () => {
    await phone.getByLabel('Note', { exact: true }).fill('Pay me')
    await phone.getByLabel('Leave out the CSRF token').check()
    await phone.getByRole('button', { name: 'Add note' }).click()
    await answerOf(phone, '/api/notes').getByText('csrf_failed').first().waitFor()
    await phone.getByRole('button', { name: 'Call /api/reports' }).click()
    await answerOf(phone, '/api/reports').getByText('200 OK').waitFor()
    await picture(phone, 'mobile-dark-home')
    const [content, window] = await phone.evaluate<number[]>('[document.documentElement.scrollWidth, innerWidth]')
    assert.equal(content, window, 'nothing is wider than the screen')
  })

  it('refreshes an expired access token and repeats the request', async () => {
    const { requests } = watchOf(laptop)
    requests.length = 0
    await laptop.context().clearCookies({ name: 'identsphere_at' })
    await laptop.reload()
    await isHome(laptop)
    assert.equal(requests.filter((request) => request === 'POST /v1/auth/refresh').length, 1)
    assert.equal(requests.filter((request) => request === 'GET /v1/users/me/sessions').length, 1)
  })

  it('ends the other session, which then shows that it is signed out', async () => {
    await laptop.getByRole('button', { name: /^Sign out Safari on iPhone/ }).click()
    await laptop.getByText('Safari on iPhone is signed out.').waitFor()
    assert.equal(await laptop.locator('#sessions > li').count(), 1)
    await phone.getByRole('button', { name: 'Call /api/me' }).click()
    await phone.getByText('This session has ended. Sign in again.').waitFor()
    await phone.getByRole('heading', { name: 'Welcome back' }).waitFor()
    assert.ok(!(await phone.content()).includes(person.email), 'nothing of the user remains on the page')
    const left = await phone.context().cookies(`${server.url}/v1/auth`)
    assert.deepEqual(
      left.map((cookie) => cookie.name).sort(),
      ['identsphere_device', 'identsphere_flow'], // the latter belongs to the passkeys that the sign-in form offers
    )
  })

  it('signs out', async () => {
    await laptop.getByRole('button', { name: 'Sign out', exact: true }).click()
    await laptop.getByText('You are signed out.').waitFor()
    await picture(laptop, 'signed-out')
    await laptop.reload()
    await laptop.getByRole('heading', { name: 'Welcome back' }).waitFor()
    await picture(laptop, 'sign-in')
  })

  it('keeps account and session across a restart', async () => {
    await signIn(phone)
    await isHome(phone)
    assert.equal(await server.stop(), 0)
    server = await startExample('quickstart', { folder, port, databaseUrl: database.url })
    await phone.reload()
    await isHome(phone)
    await signIn(laptop)
    await isHome(laptop)
  })

  it('changes the password and ends all other sessions', async () => {
    const form = laptop.locator('#password')
    await form.getByLabel('Current password', { exact: true }).fill(person.password)
    await form.getByLabel('New password', { exact: true }).fill('ada@example.com')
    await form.getByRole('button', { name: 'Change password' }).click()
    await form.getByText('This is mostly your own name, address or organization. Choose another.').waitFor()
    await form.getByLabel('New password', { exact: true }).fill(newPassword)
    await form.getByRole('button', { name: 'Change password' }).click()
    await laptop.getByText('Your password was changed.').waitFor()
    await phone.reload()
    await phone.getByText('This session has ended. Sign in again.').waitFor()
    await signIn(phone, newPassword)
    await isHome(phone)
    await phone.getByRole('button', { name: 'Sign out everywhere else' }).click()
    await phone.getByText('You are signed out everywhere else.').waitFor()
    assert.equal(await phone.locator('#sessions > li').count(), 1)
  })

  it('has a correct layout in dark mode on a desktop', async () => {
    const dark = await open({ ...desktop, colorScheme: 'dark' })
    await picture(dark, 'dark-welcome')
    await signIn(dark, newPassword)
    await isHome(dark)
    await dark.getByRole('button', { name: 'Call /api/reports' }).click()
    await answerOf(dark, '/api/reports').getByText('200 OK').waitFor()
    await picture(dark, 'dark-home')
    const bright = await open(mobile)
    await picture(bright, 'mobile-welcome')
    for (const width of [320, 768]) {
      await dark.setViewportSize({ width, height: 900 })
      await picture(dark, `dark-${width}`)
      assert.equal(
        await dark.evaluate('document.documentElement.scrollWidth'),
        width,
        'nothing is wider than the screen',
      )
    }
  })

  it('loads nothing from other origins and shows only expected errors', () => {
    for (const watch of watches.values()) {
      // A page may have sent a request during the restart of the server.
      const errors = watch.errors.filter((text) => !text.endsWith('net::ERR_CONNECTION_REFUSED'))
      assert.deepEqual(errors, [])
      assert.deepEqual([...watch.origins], [server.url])
    }
    const expected = {
      laptop: [
        '400 POST /v1/auth/register', // address
        '400 POST /v1/auth/register', // password
        '401 GET /v1/auth/session', // expired access token
        '400 POST /v1/users/me/password',
      ],
      phone: [
        '409 POST /v1/auth/register',
        '401 POST /v1/auth/login',
        '403 POST /api/notes',
        '401 GET /api/me', // revoked
        '401 POST /v1/auth/refresh',
        '401 GET /v1/auth/session', // password changed elsewhere
        '401 POST /v1/auth/refresh',
      ],
    }
    assert.deepEqual(
      { laptop: watchOf(laptop).refusals.sort(), phone: watchOf(phone).refusals.sort() },
      { laptop: expected.laptop.sort(), phone: expected.phone.sort() },
    )
  })

  it('reports that its port is taken', async () => {
    await assert.rejects(
      startExample('quickstart', { folder, port, databaseUrl: database.url }),
      (error: Error) => error.message.includes(`Port ${port} is in use`) && error.message.includes('ended with 1'),
    )
  })

  it('confirms the address and resets a password through the mailbox', async () => {
    const page = await open(desktop)
    await signIn(page, newPassword)
    await isHome(page)
    await page.getByRole('button', { name: 'Send the link again' }).click()
    await page.getByText('A new link is in the mailbox.').waitFor()
    await page.getByRole('button', { name: 'Sign out', exact: true }).first().click()
    await page.getByRole('link', { name: 'Forgot your password?' }).click()
    await page.getByLabel('E-mail address').fill(person.email)
    await picture(page, 'forgotten')
    await page.getByRole('button', { name: 'Send me a link' }).click()
    await page.getByText('we have sent it a link').waitFor()
    await page.getByRole('link', { name: 'Open the mailbox' }).click()
    await page.waitForURL(`${server.url}/v1/dev/mailbox`)

    await openLink(page, 'verify-email')
    await page.getByRole('button', { name: 'Confirm' }).click()
    await page.getByText('Enter your password to confirm').waitFor()
    await page.getByLabel('Password').fill(newPassword)
    await picture(page, 'confirm')
    await page.getByRole('button', { name: 'Confirm' }).click()
    await page.getByText('Your address was confirmed.').waitFor()
    assert.ok(await phone.locator('#unverified').isVisible())
    await phone.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await phone.locator('#unverified').waitFor({ state: 'hidden' })
    assert.equal(await page.getByText('Confirm that this e-mail address is yours.').isVisible(), false)
    await picture(page, 'confirmed')
    await page.getByRole('link', { name: 'Continue' }).click()
    await page.waitForURL(/\/(#.*)?$/)

    await openLink(page, 'reset-password')
    await page.getByText('At least 12 characters.').waitFor()
    await picture(page, 'new-password')
    await page.getByLabel('New password').fill('password1234')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('most used passwords').waitFor()
    await page.getByLabel('New password').fill('lantern-orbit-staple-9')
    await page.getByRole('button', { name: 'Save' }).click()
    await isHome(page)
    assert.equal(await page.locator('#unverified').isVisible(), false)
    const { errors, origins } = watchOf(page)
    assert.deepEqual(errors, [])
    assert.deepEqual([...origins], [server.url])
  })

  describe('a second factor on the quickstart page', () => {
    const lastPassword = 'lantern-orbit-staple-9'
    let page: Page
    let app = ''
    let recoveryCodes: string[]

    before(async () => {
      page = await open(desktop)
    })

    const dialog = () => page.getByRole('dialog', { name: 'Confirm that it is you' })
    const card = (name: string) => page.getByRole('region', { name, exact: true })
    /** Each time step works once, so the code of the next step is always valid. */
    const code = (steps = 0) => totp(app, Date.now(), steps)

    async function confirmWithPassword(): Promise<void> {
      await dialog().getByLabel('Your password').fill(lastPassword)
      await dialog().getByRole('button', { name: 'Confirm' }).click()
      await dialog().waitFor({ state: 'hidden' })
    }

    it('is named by a guard that needs one', async () => {
      await signIn(page, lastPassword)
      await isHome(page)
      await page.getByRole('button', { name: 'Call /api/payouts' }).click()
      await page.getByText('Set up an authenticator app or a passkey first.').waitFor()
      await answerOf(page, '/api/payouts').getByText('mfa_required').first().waitFor()
    })

    it('is an app set up with the password; recovery codes show once', async () => {
      await page.getByRole('button', { name: 'Set up an app' }).click()
      await dialog().getByLabel('Your password').fill('not-the-right-password')
      await dialog().getByRole('button', { name: 'Confirm' }).click()
      await dialog().getByText('The password is wrong.').waitFor()
      await picture(page, 'prove')
      await confirmWithPassword()
      const qr = card('Authenticator app').getByRole('img', { name: 'QR code' })
      await qr.waitFor()
      app = (await page.locator('#mfa-secret').textContent()) ?? ''
      await picture(page, 'mfa-setup')
      await card('Authenticator app').getByLabel('Code of the app').fill(code(-1))
      await card('Authenticator app').getByRole('button', { name: 'Turn on' }).click()
      await page.getByText('Save these recovery codes.').waitFor()
      recoveryCodes = await page.locator('#recovery-codes li').allTextContents()
      assert.equal(recoveryCodes.length, 10)
      await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
      await page.getByRole('button', { name: 'Copy' }).click()
      await page.getByText('The recovery codes are copied.').waitFor()
      assert.equal(await page.evaluate('navigator.clipboard.readText()'), recoveryCodes.join('\n'))
      await picture(page, 'recovery-codes')
      await page.getByRole('button', { name: 'I have saved them' }).click()
      assert.ok(!(await page.content()).includes(recoveryCodes[0] ?? ''))
      assert.ok(!(await page.content()).includes(app), 'nor is the secret')
      await card('Authenticator app').getByText('on', { exact: true }).waitFor()
    })

    it('permits a payout right after the setup', async () => {
      await page.getByRole('button', { name: 'Call /api/payouts' }).click()
      await answerOf(page, '/api/payouts').getByText('201 Created').waitFor()
    })

    it('is required at the next sign-in, where a recovery code works', async () => {
      await page.getByRole('button', { name: 'Sign out', exact: true }).first().click()
      await signIn(page, lastPassword)
      await page.getByRole('heading', { name: 'One more step' }).waitFor()
      await picture(page, 'second-step')
      await page
        .locator('#second-step')
        .getByLabel('Code')
        .fill(recoveryCodes[0] ?? '')
      await page.getByRole('button', { name: 'Continue' }).click()
      await isHome(page)
      await card('Authenticator app').getByText('9 recovery codes left').waitFor()
    })

    it('is required again before a payout, where a code works', async () => {
      await page.getByRole('button', { name: 'Call /api/payouts' }).click()
      await dialog().getByLabel('Code of your authenticator app').fill(code())
      await picture(page, 'step-up')
      await dialog().getByRole('button', { name: 'Confirm' }).click()
      await answerOf(page, '/api/payouts').getByText('201 Created').waitFor()
    })

    it('can be a passkey, which also signs in alone', async () => {
      await plugInAuthenticator(page)
      await page.getByRole('button', { name: 'Add a passkey' }).click()
      await page.getByText('You can sign in with this passkey now.').waitFor()
      await card('Passkeys').getByText('Chrome on Linux').waitFor()
      await picture(page, 'passkeys')
      // Otherwise the offer of the sign-in form may be answered before the click.
      await page.evaluate('PublicKeyCredential.isConditionalMediationAvailable = async () => false')
      await page.getByRole('button', { name: 'Sign out', exact: true }).first().click()
      await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
      await isHome(page)
      await page.getByText('by passkey').waitFor()
      await page.getByRole('button', { name: 'Call /api/payouts' }).click()
      await answerOf(page, '/api/payouts').getByText('201 Created').waitFor()
    })

    it("can be a passkey among the browser's suggestions", async () => {
      await page.reload()
      await isHome(page)
      const chosen = page.waitForResponse(`${server.url}/v1/auth/passkey/login/complete`)
      await page.getByRole('button', { name: 'Sign out', exact: true }).first().click()
      assert.equal((await chosen).status(), 200)
      await isHome(page)
    })

    it('can be removed, with a correct layout on a small dark screen', async () => {
      await page.emulateMedia({ colorScheme: 'dark' })
      await page.setViewportSize({ width: 390, height: 844 })
      await picture(page, 'mobile-dark-factors')
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 390)
      await page.getByRole('button', { name: /^Remove the passkey/ }).click()
      await page.getByText('The passkey is removed.').waitFor()
      await page.getByText('Sign in with your fingerprint').waitFor()
      const { errors, origins } = watchOf(page)
      assert.deepEqual(errors, [])
      assert.deepEqual([...origins], [server.url])
    })

    it('is required by the page of a sign-in link', async () => {
      const other = await open(desktop)
      const headers = { 'Content-Type': 'application/json' }
      const init = { method: 'POST', headers, body: JSON.stringify({ email: person.email }) }
      await other.evaluate(`fetch('/v1/auth/magic-link/request', ${JSON.stringify(init)})`)
      await openLink(other, 'sign-in-link')
      await other.getByRole('button', { name: 'Sign in' }).click()
      await other.getByLabel('Code').fill('not-one-of-them')
      await other.getByRole('button', { name: 'Continue' }).click()
      await other.getByText('This code is wrong or was already used.').waitFor()
      await picture(other, 'link-second-factor')
      await other.getByLabel('Code').fill(recoveryCodes[1] ?? '')
      await other.getByRole('button', { name: 'Continue' }).click()
      await isHome(other)

      await other.goto(`${server.url}/v1/pages/sign-in-link#token=used`)
      await other.getByRole('button', { name: 'Sign in' }).click()
      await other.getByText('This link has expired or was already used.').waitFor()
      assert.equal(await other.getByRole('button').count(), 0)
      await picture(other, 'link-used')
    })

    it('is required after a password reset, and once by a trusted browser', async () => {
      await anHourLater()
      const other = await open(desktop)
      await other.goto(`${server.url}/v1/pages/reset-password`)
      await other.getByLabel('E-mail address').fill(person.email)
      await other.getByRole('button', { name: 'Send me a link' }).click()
      await other.getByText('we have sent it a link').waitFor()
      await openLink(other, 'reset-password')
      const fresh = 'meadow-kettle-violin-3'
      await other.getByLabel('New password').fill(fresh)
      await other.getByRole('button', { name: 'Save' }).click()
      await other.getByText('Your password was changed. Sign in with the new password.').waitFor()
      await picture(other, 'password-changed')
      await other.getByRole('link', { name: 'Back to sign-in' }).click()
      await other.getByRole('heading', { name: 'Welcome back' }).waitFor()

      await signIn(other, fresh)
      await other.locator('#second-step').getByLabel('Code').fill(code(1))
      await other.getByLabel('Trust this browser').check()
      await other.getByRole('button', { name: 'Continue' }).click()
      await other.getByText('This browser is trusted.').waitFor()
      await other.getByRole('button', { name: 'Sign out', exact: true }).first().click()
      await signIn(other, fresh)
      await isHome(other)
      assert.deepEqual(watchOf(other).errors, [])
    })
  })
})
