import assert from 'node:assert/strict'
import { after, before, describe, it, test } from 'node:test'
import fc from 'fast-check'
import { normalizeEmail } from '../../../lib/features/users/email-address.js'
import { password, signUp, startApp, type TestApp } from '../../support/app.js'
import { codeIn, mailTo, tokenIn } from '../../support/mail.js'
import { newPerson } from '../../support/people.js'
import { hashingOf } from '../../support/work.js'

/** Texts that have deceived a parser, a mailer or a comparison. */
const noAddress = [
  '',
  ' ',
  '@',
  'a@',
  '@x.example',
  'a',
  'a@x',
  'a@x.example,b@y.example',
  'a@x.example;b@y.example',
  'a@x.example b@y.example',
  'a@b@x.example',
  '"e@evil.example"@x.example',
  '"a"@x.example',
  'a(comment)@x.example',
  'a@(comment)x.example',
  '<a@x.example>',
  'A <a@x.example>',
  '<b>@x.example',
  'a@x.example\r\nBcc: b@y.example',
  'a@x.example\n',
  '\ta@x.example',
  ' a@x.example',
  'a@x.example ',
  'a\u0000@x.example',
  'a@x.example\u0000.y.example',
  'a\u00a0@x.example',
  'a\u200b@x.example',
  'a\u202e@x.example',
  'a＠x.example',
  'ａ@x.example',
  'a@x．example',
  '\u212a@x.example',
  'e\u0301@x.example',
  'é@x.example',
  'a@e\u0301.example',
  'a\\@x.example',
  'a@x.example\\',
  'a@[127.0.0.1]',
  'a@x.example:25',
  'a@x.example/../y',
  'a@x.example?y',
  'a@x.example#y',
  'a@x.example%2ey',
  'a@-x.example',
  'a@x-.example',
  'a@.x.example',
  'a@x..example',
  'a@x.example.',
  'a@x_y.example',
  '.a@x.example',
  'a.@x.example',
  'a..b@x.example',
  'mailto:a@x.example',
  'javascript:alert(1)@x.example',
  `${'a'.repeat(65)}@x.example`,
  `a@${'x'.repeat(64)}.example`,
  `a@${'x.'.repeat(130)}example`,
  `${'a'.repeat(300)}@x.example`,
  'a@x.example'.padEnd(300, 'e'),
]

/**
 * @see CVE-2022-35924 and GHSA-5jpx, Auth.js: lists of addresses
 * @see GHSA-7rqj, Auth.js: quoted local parts, full-width ＠
 * @see CVE-2022-31127, Auth.js: markup
 */
test('rejects everything but a single plain address', () => {
  for (const text of noAddress) assert.equal(normalizeEmail(text), null, JSON.stringify(text))
})

test('writes every address in lower case with an ASCII domain', () => {
  for (const [text, normal] of [
    ['Ada.Lovelace+news@Example.COM', 'ada.lovelace+news@example.com'],
    ["o'brien@x.example", "o'brien@x.example"],
    ['a@BÜCHER.example', 'a@xn--bcher-kva.example'],
    ['a@xn--bcher-kva.example', 'a@xn--bcher-kva.example'],
    ['A@XN--BCHER-KVA.EXAMPLE', 'a@xn--bcher-kva.example'],
    ['a@x。example', 'a@x.example'],
  ] as const) {
    assert.equal(normalizeEmail(text), normal, text)
  }
})

test('is idempotent and yields one ASCII mailbox for any input', () => {
  const near = fc.stringMatching(/^[A-Za-z0-9.+'-]{1,12}@[A-Za-z0-9ü.-]{1,20}\.[a-z]{2,4}$/)
  fc.assert(
    fc.property(fc.oneof(near, fc.string({ unit: 'binary' }), fc.emailAddress()), (text) => {
      const normal = normalizeEmail(text)
      if (normal === null) return
      assert.equal(normalizeEmail(normal), normal)
      assert.match(normal, /^[!-~]+$/)
      assert.equal(normal.split('@').length, 2)
      assert.doesNotMatch(normal, /[,;<>()"\\:[\]]/)
    }),
    { numRuns: 500 },
  )
})

describe('an e-mail address in a request', () => {
  let app: TestApp
  before(async () => {
    app = await startApp()
  })
  after(() => app.close())

  it('answers 400 before anything is hashed or stored if invalid', async () => {
    const client = app.client()
    const hashing = await hashingOf(async () => {
      for (const email of noAddress) {
        for (const [path, body] of [
          ['/v1/auth/register', { email, password, organization_name: 'Example Works' }],
          ['/v1/auth/login', { email, password }],
          ['/v1/auth/password/forgot', { email }],
          ['/v1/auth/email-otp/request', { email }],
          ['/v1/auth/email-otp/verify', { email, code: '000000' }],
          ['/v1/auth/magic-link/request', { email }],
          ['/v1/auth/passkey/login/begin', { email }],
        ] as const) {
          const answer = await client.post(path, body)
          assert.equal(answer.status, 400, `${path} ${JSON.stringify(email)}`)
          assert.equal(answer.body.error.code, 'invalid_input')
          assert.doesNotMatch(answer.text, /Bcc|<b>|alert/)
        }
      }
    })
    assert.deepEqual(hashing, [])
    assert.deepEqual(await app.sql('SELECT * FROM identsphere.users'), [])
    assert.deepEqual(await app.sql('SELECT * FROM identsphere.budgets'), [])
    assert.deepEqual(await app.sql('SELECT * FROM identsphere.mail_outbox'), [])
  })

  /** @see https://github.com/better-auth/better-auth/issues/9369, https://github.com/better-auth/better-auth/issues/9460 */
  it('is the same account in another case or form at every endpoint', async () => {
    await signUp(app, { email: 'Kurt@bücher.example' })
    const { client: other } = await newPerson(app)
    const stored = 'kurt@xn--bcher-kva.example'
    const link = tokenIn(await mailTo(app, stored, /^Confirm your e-mail/))
    const proven = await app.client().post('/v1/auth/email/verify', { token: link, password })
    assert.equal(proven.status, 200, proven.text)
    for (const email of ['kurt@BÜCHER.example', 'KURT@xn--bcher-kva.example', 'kurt@XN--BCHER-KVA.Example']) {
      const again = await app.client().post('/v1/auth/register', { email, password, organization_name: 'Twice' })
      assert.equal(again.status, 409, email)
      const login = await app.client().post('/v1/auth/login', { email, password })
      assert.equal(login.status, 200, login.text)
      assert.equal(login.body.user.email, stored)
      const browser = app.client()
      await browser.post('/v1/auth/email-otp/request', { email })
      const code = codeIn(await mailTo(app, stored, /is your sign-in code$/))
      const answer = await browser.post('/v1/auth/email-otp/verify', { email, code })
      assert.equal(answer.body.user?.email, stored, answer.text)
      await other.post('/v1/auth/reauthenticate', { password })
      assert.equal((await other.post('/v1/users/me/email', { email })).status, 204)
      app.clock.advance(3_601)
      await other.post('/v1/auth/refresh')
    }
  })

  it('matches an imported user whose address was stored in another case', async () => {
    const { userId } = await newPerson(app, { email: 'imported@example.com' })
    await app.sql(`UPDATE identsphere.users SET email = 'Imported@Example.com' WHERE id = $1`, [userId])
    const login = await app.client().post('/v1/auth/login', { email: 'imported@example.com', password })
    assert.equal(login.status, 200, login.text)
    const body = { email: 'IMPORTED@example.com', password, organization_name: 'Twice' }
    assert.equal((await app.client().post('/v1/auth/register', body)).status, 409)
  })
})
