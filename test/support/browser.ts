import assert from 'node:assert/strict'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, type CDPSession, chromium, type Page } from 'playwright-core'

declare global {
  // Names that Playwright's types mention. The DOM's own types would let code for the server speak of `window`.
  type Node = object
  type HTMLElement = object
  type SVGElement = object
  type HTMLElementTagNameMap = Record<never, never>
}

const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']

/** What a test in a browser needs. */
export interface BrowserForTests {
  /** For the option `skip`: why there is none, or false. CI must have one. */
  readonly skip: string | false
  /** Starts it with a new and empty profile, and quiet towards the network. */
  launch(): Promise<Browser>
}

/** CHROMIUM_PATH, or the first Chromium on the PATH. @param untested what is not tested without one */
export function browserFor(untested: string): BrowserForTests {
  const executablePath = findBrowser()
  const missing = `NO BROWSER: ${untested}. Install chromium, or set CHROMIUM_PATH.`
  if (executablePath === undefined) console.error(missing)
  return {
    skip: executablePath === undefined && process.env.CI !== 'true' ? missing : false,
    async launch() {
      assert.ok(executablePath, missing)
      return launchBrowser(executablePath)
    },
  }
}

function findBrowser(): string | undefined {
  const given = process.env.CHROMIUM_PATH
  if (given) return given
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin']
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function launchBrowser(executablePath: string): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--headless',
      '--no-sandbox', // Chromium refuses to run as root with one; only our own pages are opened
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

/** What went wrong on a page, and where it went. */
export interface PageWatch {
  /** Errors of scripts, console errors and violations of the content security policy. */
  readonly errors: string[]
  /** Answers of 400 and above, e.g. `401 GET /api/me`. The console reports these too, so they are kept apart. */
  readonly refusals: string[]
  /** Origins of everything that was loaded. */
  readonly origins: Set<string>
  /** Requests sent, e.g. `POST /v1/auth/refresh`. */
  readonly requests: string[]
}

/** Watches a page from before its first load. */
export async function watchPage(page: Page): Promise<PageWatch> {
  const watch: PageWatch = { errors: [], refusals: [], origins: new Set(), requests: [] }
  await page.addInitScript({
    content: `addEventListener('securitypolicyviolation', (event) => {
      console.error('CSP: ' + event.violatedDirective + ' refused ' + event.blockedURI)
    })`,
  })
  page.on('pageerror', (error) => watch.errors.push(error.stack ?? error.message))
  page.on('console', (message) => {
    const isRefusal = message.text().startsWith('Failed to load resource: the server responded with a status of')
    if (['error', 'warning'].includes(message.type()) && !isRefusal) watch.errors.push(message.text())
  })
  page.on('request', (request) => {
    const { origin, pathname } = new URL(request.url())
    watch.origins.add(origin)
    watch.requests.push(`${request.method()} ${pathname}`)
  })
  page.on('response', (response) => {
    if (response.status() < 400) return
    watch.refusals.push(`${response.status()} ${response.request().method()} ${new URL(response.url()).pathname}`)
  })
  return watch
}

/** Gives the page's browser an authenticator that verifies its user and answers at once. */
export async function plugInAuthenticator(page: Page): Promise<{ devtools: CDPSession; authenticatorId: string }> {
  const devtools = await page.context().newCDPSession(page)
  await devtools.send('WebAuthn.enable')
  const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      ctap2Version: 'ctap2_1',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
  return { devtools, authenticatorId }
}
