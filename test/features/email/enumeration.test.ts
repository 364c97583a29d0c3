/** Answers do not reveal accounts: same answers and same statements for every address. Security tests 63 and 65. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { password, startApp, type TestApp } from '../../support/app.js'
import type { Answer } from '../../support/client.js'
import { mailsTo, signUpAndFollowLink } from '../../support/mail.js'
import { newPerson } from '../../support/people.js'
import { recordingKnex } from '../../support/work.js'

/**
 * @see https://github.com/better-auth/better-auth/issues/8091, https://github.com/better-auth/better-auth/issues/8839,
 * https://github.com/better-auth/better-auth/issues/10605; CVE-2023-44399, Zitadel
 */
describe('a requested address', () => {
  let app: TestApp
  let watched: TestApp
  let recorder: ReturnType<typeof recordingKnex>
  const addresses: Record<string, string> = {}

  before(async () => {
    app = await startApp()
    recorder = recordingKnex(app.databaseUrl)
    watched = await app.node({ database: recorder.knex, registration: { verification: 'first' } })
    addresses.unknown = 'unknown@example.com'
    addresses.unverified = (await newPerson(app)).email
    addresses.verified = (await signUpAndFollowLink(app)).email
    const disabled = await signUpAndFollowLink(app)
    await app.identsphere.api.users.disable(disabled.userId)
    addresses.disabled = disabled.email
    const erased = await signUpAndFollowLink(app)
    await erased.client.delete('/v1/users/me')
    addresses.erased = erased.email
    await watched.identsphere.ready()
  })
  after(async () => {
    await app.close()
    await recorder.knex.destroy()
  })

  /** What the sender of a request sees, and the statements it makes the database run. */
  async function observed(act: () => Promise<Answer>) {
    recorder.statements.length = 0
    const { status, text, headers } = await act()
    const { date: _date, 'x-request-id': _id, 'set-cookie': cookies = [], etag: _etag, ...others } = headers
    return {
      status,
      text: text.replace(/"request_id":"[^"]+"/, ''),
      headers: others,
      cookies: cookies.map((cookie) => cookie.replace(/=[^;]*/, '')),
      statements: recorder.statements.map(({ text: sql }) => sql),
    }
  }

  const requests: Record<string, (email: string) => Promise<Answer>> = {
    'POST /v1/auth/register': (email) =>
      watched.client().post('/v1/auth/register', { email, password, organization_name: 'Example Works' }),
    'POST /v1/auth/password/forgot': (email) => watched.client().post('/v1/auth/password/forgot', { email }),
    'POST /v1/auth/email-otp/request': (email) => watched.client().post('/v1/auth/email-otp/request', { email }),
    'POST /v1/auth/magic-link/request': (email) => watched.client().post('/v1/auth/magic-link/request', { email }),
    'POST /v1/auth/email-otp/verify, unasked': (email) =>
      watched.client().post('/v1/auth/email-otp/verify', { email, code: '000000' }),
  }

  for (const [name, request] of Object.entries(requests)) {
    it(`gets the same answer from ${name} after the same statements`, async () => {
      const [first, ...others] = Object.keys(addresses)
      const expected = await observed(() => request(addresses[first as string] as string))
      assert.ok(expected.statements.length > 0)
      for (const other of others) {
        assert.deepEqual(await observed(() => request(addresses[other] as string)), expected, other)
      }
    })
  }

  it('gets the same answers to a series of wrong codes', async () => {
    app.clock.advance(3_601) // past the hourly limit of mails to an address
    const seen = []
    for (const email of Object.values(addresses)) {
      const browser = watched.client()
      await browser.post('/v1/auth/email-otp/request', { email })
      await mailsTo(watched, email)
      const answers = []
      for (let miss = 0; miss < 7; miss += 1) {
        answers.push(await observed(() => browser.post('/v1/auth/email-otp/verify', { email, code: '000000' })))
      }
      seen.push(answers)
    }
    for (const answers of seen) assert.deepEqual(answers, seen[0])
  })

  it('gets the same answer as a new address, taken or free', async () => {
    const { client } = await signUpAndFollowLink(app)
    const answers = []
    for (const email of [...Object.values(addresses), 'free@example.com']) {
      const { status, text } = await client.post('/v1/users/me/email', { email })
      answers.push([status, text])
    }
    assert.deepEqual(new Set(answers.map(String)), new Set(['204,']))
  })

  it('gets no account by a code or a link', async () => {
    for (const path of ['email-otp/request', 'magic-link/request', 'password/forgot']) {
      await app.client().post(`/v1/auth/${path}`, { email: 'nobody@example.com' })
    }
    await mailsTo(app, 'nobody@example.com')
    assert.deepEqual(await app.sql("SELECT 1 FROM identsphere.users WHERE email = 'nobody@example.com'"), [])
  })
})
