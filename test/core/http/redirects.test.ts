import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { safeReturnTarget } from '../../../lib/core/http/origin.js'
import { startApp, type TestApp } from '../../support/app.js'
import type { Client } from '../../support/client.js'
import { newPerson } from '../../support/people.js'

/** Texts that some parser, browser or framework has taken for another host or scheme. */
const tricks = [
  '//evil.example',
  '///evil.example',
  '////evil.example/x',
  '/\\evil.example',
  '\\/evil.example',
  '\\\\evil.example',
  '/\\/evil.example',
  '//\\evil.example',
  '/%5cevil.example',
  '/%5Cevil.example',
  '/%2fevil.example',
  '/%2Fevil.example',
  '/%2f%2fevil.example',
  '/%09/evil.example',
  '/\t/evil.example',
  '/\n/evil.example',
  '/\r/evil.example',
  '/\r\n//evil.example',
  '\t//evil.example',
  ' //evil.example',
  '\u00a0//evil.example',
  '/ /evil.example',
  '/./\\evil.example',
  '/.//evil.example',
  '/..//evil.example',
  '/a/..//evil.example',
  '/%2e%2e//evil.example',
  '/%2e//evil.example',
  '/x/../..//evil.example',
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  'java\nscript:alert(1)',
  'javascript://localhost/%0aalert(1)',
  'data:text/html,x',
  'vbscript:x',
  'blob:https://evil.example/x',
  'file:///etc/passwd',
  'ftp://evil.example',
  'https:evil.example',
  'https:/evil.example',
  'https:\\evil.example',
  'https:///evil.example',
  'https://evil.example',
  'HTTPS://EVIL.EXAMPLE',
  'http://evil.example',
  'http:evil.example',
  'https://evil。example',
  'https://evil.example\\@localhost',
  'https://localhost@evil.example',
  'https://user:pass@evil.example',
  'evil.example',
  'evil.example/path',
  '@evil.example',
  '.evil.example',
  ':80',
  '?//evil.example',
  '#//evil.example',
  '',
  '/',
  'null',
  'undefined',
  '/／evil.example',
  '／／evil.example',
  '/⁄evil.example',
  '/。evil.example',
  '/%ef%bc%8fevil.example',
  '/%00//evil.example',
  '/\u2028/evil.example',
  '/@evil.example',
  '/:evil.example',
  '/?next=//evil.example',
  '/#//evil.example',
  '/a?b=https://evil.example',
]

describe('the redirect of resume', () => {
  let app: TestApp
  let own: string
  let client: Client
  before(async () => {
    app = await startApp({
      mount: '/identity',
      allowedOrigins: ['https://app.example.com'],
      pages: { signIn: '/sign-in' },
      routes(host, { requireAuth }) {
        const guard = requireAuth({ onDenied: 'redirect' })
        host.use('/inside', guard, (_request, response) => void response.send('inside'))
        host.use('/', guard, (_request, response) => void response.send('anywhere'))
      },
    })
    own = new URL(app.url).origin
    client = (await newPerson(app)).client
  })
  after(() => app.close())

  const isOwn = (origin: string) => origin === own || origin === 'https://app.example.com'

  /** The URL that a browser would follow from the address it requested. */
  function destination(location: string | undefined): URL {
    assert.ok(location)
    return new URL(location, `${app.url}/v1/auth/resume`)
  }

  async function resume(browser: Client, returnTo: string): Promise<URL> {
    const answer = await browser.get(`/v1/auth/resume?${new URLSearchParams({ return_to: returnTo })}`)
    if (answer.status === 400) return new URL(own)
    assert.equal(answer.status, 303, `${JSON.stringify(returnTo)}: ${answer.text}`)
    assert.equal(answer.text, '')
    const location = answer.headers.location ?? ''
    assert.match(location, /^https?:\/\/[!-~]+$/)
    return destination(location)
  }

  /** @see CVE-2022-24794, CVE-2024-29041, better-auth GHSA-vp58, hanko #2734 */
  it('leads to an own origin, even for hostile targets', async () => {
    const withOwn = [
      ...tricks,
      `${own}@evil.example`,
      `${own}.evil.example`,
      `${own}:80@evil.example/`,
      `${own}\\@evil.example`,
      `${own}//evil.example`,
      `http://user@${new URL(own).host}/`,
      `http://user:pass@${new URL(own).host}/`,
      `https://${new URL(own).host}/other-scheme`,
      'http://app.example.com/plain',
      'https://app.example.com:8443/port',
      'https://app.example.com.evil.example/',
      'https://app.example.com@evil.example/',
      'https://evil.app.example.com/',
    ]
    for (const trick of withOwn) {
      const signedIn = await resume(client, trick)
      assert.ok(isOwn(signedIn.origin), `${JSON.stringify(trick)} → ${signedIn.href}`)
      assert.equal(signedIn.username + signedIn.password, '', trick)
      assert.equal(signedIn.pathname.startsWith('//'), false, trick)

      const stranger = await resume(app.client(), trick)
      assert.equal(stranger.origin, own, trick)
      const back = stranger.searchParams.get('return_to')
      if (back !== null) {
        assert.equal(stranger.pathname, '/sign-in')
        assert.ok(isOwn(destination(back).origin), `${JSON.stringify(trick)} → ${back}`)
      }
    }
  })

  it('leads to the default if the target is not an own path', async () => {
    for (const trick of ['//evil.example', '/\\evil.example', 'javascript:alert(1)', 'https:evil.example', 'x', '']) {
      assert.equal((await resume(client, trick)).href, `${app.url}/`, trick)
    }
  })

  it('leads to the requested place if it is an own one', async () => {
    for (const [wanted, expected] of [
      ['/reports?year=2026#top', `${own}/reports?year=2026#top`],
      ['/identity/x', `${own}/identity/x`],
      [`${own}/absolute`, `${own}/absolute`],
      ['https://app.example.com/spa', 'https://app.example.com/spa'],
      ['/search?q=a%20b&next=%2F%2Fevil.example', `${own}/search?q=a%20b&next=%2F%2Fevil.example`],
    ] as const) {
      assert.equal((await resume(client, wanted)).href, expected)
    }
  })

  it('rejects a second return_to, which readers might interpret differently', async () => {
    for (const query of ['return_to=/a&return_to=//evil.example', 'return_to=/a&return_to=/a']) {
      const answer = await client.get(`/v1/auth/resume?${query}`)
      assert.equal(answer.status, 400)
      assert.equal(answer.headers.location, undefined)
    }
    const long = await client.get(`/v1/auth/resume?return_to=/${'a'.repeat(2001)}`)
    assert.equal(long.status, 400)
  })

  it('never follows Host, X-Forwarded-Host or Forwarded', async () => {
    for (const headers of [
      { host: 'evil.example' },
      { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' },
      { forwarded: 'host=evil.example;proto=https' },
    ]) {
      const signedIn = await client.get('/v1/auth/resume?return_to=/x', { headers })
      assert.equal(signedIn.headers.location, `${own}/x`)
      const stranger = await app.client().get('/v1/auth/resume?return_to=/x', { headers })
      assert.equal(new URL(stranger.headers.location ?? '').origin, own)
    }
  })

  const fragment = fc.oneof(
    fc.constantFrom(
      ...[
        '/',
        '//',
        '\\',
        '%5c',
        '%2f',
        '%2e',
        '.',
        '..',
        ':',
        '@',
        '?',
        '#',
        '\t',
        '\n',
        '\r',
        ' ',
        '\u00a0',
        '\u3002',
      ],
      ...[
        '／',
        'http:',
        'https:',
        'javascript:',
        'evil.example',
        'localhost',
        'app.example.com',
        'a',
        '[',
        ']',
        '%',
        '\u0000',
      ],
    ),
    fc.string({ unit: 'grapheme', maxLength: 4 }),
    fc.string({ unit: 'binary', maxLength: 4 }),
  )
  const address = fc.array(fragment, { maxLength: 9 }).map((parts) => parts.join(''))

  it('leads to an own origin for every return_to', async () => {
    await fc.assert(
      fc.asyncProperty(address, async (returnTo) => {
        assert.ok(isOwn((await resume(client, returnTo)).origin))
      }),
      { numRuns: 150 },
    )
  })

  it('leads to an own origin by the rule itself, even without the origin', () => {
    const base = new URL(app.url)
    fc.assert(
      fc.property(address, (returnTo) => {
        const target = safeReturnTarget(returnTo, base, isOwn)
        if (target === null) return
        assert.ok(isOwn(new URL(target).origin))
        const relative = target.slice(new URL(target).origin.length)
        // Without its origin, the target must still be a path, not another host.
        assert.equal(new URL(relative, own).origin, own)
      }),
      { numRuns: 20_000 },
    )
  })

  describe('by a guard', () => {
    /** The exact request target, without any URL parser. */
    function raw(target: string): Promise<{ status: number; location: string | undefined }> {
      const { hostname, port } = new URL(own)
      return new Promise((resolve, reject) => {
        const outgoing = httpRequest({ hostname, port, path: target, headers: { accept: 'text/html' } }, (incoming) => {
          incoming.resume()
          resolve({ status: incoming.statusCode ?? 0, location: incoming.headers.location })
        })
        outgoing.on('error', reject)
        outgoing.end()
      })
    }

    it('leads to an own origin for every page address', async () => {
      for (const target of [
        '/inside/a',
        '//evil.example',
        '//evil.example/inside',
        '/inside//evil.example',
        '/\\evil.example',
        '/inside/..//evil.example',
        'http://evil.example/inside',
        'https://evil.example/',
        '/%5cevil.example',
        '/inside?return_to=//evil.example',
      ]) {
        const denied = await raw(target)
        assert.equal(denied.status, 303, target)
        const next = destination(denied.location)
        assert.equal(next.origin, own, target)
        assert.equal(next.pathname, '/identity/v1/auth/resume', target)
        const end = await resume(client, next.searchParams.get('return_to') ?? '')
        assert.ok(isOwn(end.origin), `${target} → ${end.href}`)
      }
      const back = destination((await raw('/inside/a?b=c')).location).searchParams.get('return_to')
      assert.equal(back, '/inside/a?b=c')
    })
  })
})
