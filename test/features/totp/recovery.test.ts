import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { password, startApp, type TestApp } from '../../support/app.js'
import { mailsTo, mailTo, tokenIn } from '../../support/mail.js'
import { challenged, type Enrolled, enrol, reauthenticate, setup, totp } from '../../support/mfa.js'
import { verifiedPerson } from '../../support/people.js'

let app: TestApp
before(async () => {
  app = await startApp({
    routes: (express, { requireRecentMfa }) => {
      express.get('/delicate', requireRecentMfa(), (_req, res) => void res.json({}))
    },
  })
})
after(() => app.close())

async function recover(person: Enrolled, code: string | undefined, client = app.client()) {
  const mfaToken = await challenged(app, person.email)
  return client.post('/v1/auth/mfa/challenge', { mfa_token: mfaToken, recovery_code: code })
}

async function recovered(person: Enrolled) {
  const client = app.client()
  const answer = await recover(person, person.recoveryCodes[0], client)
  assert.equal(answer.status, 200, answer.text)
  return client
}

describe('recovery codes', () => {
  it('are ten of 80 random bits in unambiguous letters, stored as HMACs', async () => {
    const { recoveryCodes, userId, client } = await enrol(app)
    assert.equal(new Set(recoveryCodes).size, 10)
    for (const code of recoveryCodes) assert.match(code, /^[0-9abcdefghjkmnpqrstvwxyz]{4}(-[0-9a-z]{4}){3}$/)
    const rows = await app.sql('SELECT * FROM identsphere.user_recovery_codes WHERE user_id = $1', [userId])
    assert.ok(rows.every(({ code_hash }) => code_hash.length === 32))
    assert.doesNotMatch(JSON.stringify(rows), new RegExp(recoveryCodes.join('|')))
    assert.equal((await client.get('/v1/auth/mfa/status')).body.recovery_codes_left, 10)
  })

  /** @see GHSA better-auth #10086 */
  it('work once, even in 10 parallel uses', async () => {
    const person = await enrol(app)
    const tokens: string[] = []
    for (let count = 0; count < 10; count += 1) tokens.push(await challenged(app, person.email))
    const answers = await Promise.all(
      tokens.map((token) =>
        app.client().post('/v1/auth/mfa/challenge', { mfa_token: token, recovery_code: person.recoveryCodes[3] }),
      ),
    )
    assert.equal(answers.filter(({ status }) => status === 200).length, 1)
    assert.equal((await person.client.get('/v1/auth/mfa/status')).body.recovery_codes_left, 9)
    app.clock.advance(30)
    assert.equal((await recover(person, person.recoveryCodes[3])).status, 401)
  })

  it('may be typed in any case, with spaces or with similar letters', async () => {
    const person = await enrol(app)
    const typed = person.recoveryCodes[0]?.toUpperCase().replaceAll('-', ' ').replaceAll('0', 'O').replaceAll('1', 'l')
    assert.equal((await recover(person, ` ${typed} `)).status, 200)
  })

  it('work for their own user only', async () => {
    const person = await enrol(app)
    const other = await enrol(app)
    assert.equal((await recover(person, other.recoveryCodes[0])).status, 401)
    assert.equal((await recover(other, other.recoveryCodes[0])).status, 200)
  })

  it('are voided by new ones, which require password and factor', async () => {
    const person = await enrol(app)
    const renew = (given: object) => person.client.post('/v1/auth/mfa/recovery-codes', given)
    assert.equal((await renew({ password: 'another-lone-heron-9' })).status, 401)
    const { status, body } = await renew({ password })
    assert.equal(status, 200)
    assert.equal(body.recovery_codes.length, 10)
    assert.equal((await recover(person, person.recoveryCodes[0])).status, 401)
    assert.equal((await recover(person, body.recovery_codes[0])).status, 200)
    await app.sql('UPDATE identsphere.user_sessions SET mfa_verified_at = NULL WHERE user_id = $1', [person.userId])
    assert.equal((await renew({ password })).body.error.code, 'mfa_required')
  })

  it('are renewed with a notice to the user', async () => {
    const { client, email } = await enrol(app)
    assert.equal((await client.post('/v1/auth/mfa/recovery-codes', { password })).status, 200)
    assert.ok((await mailsTo(app, email)).some(({ subject }) => /has new recovery codes/.test(subject)))
  })

  it('are ten even after parallel renewals', async () => {
    const person = await enrol(app)
    // Without a password there is nothing to hash, which would serialize the requests.
    await app.sql('UPDATE identsphere.users SET password_hash = NULL WHERE id = $1', [person.userId])
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => person.client.post('/v1/auth/mfa/recovery-codes', {})),
    )
    assert.ok(answers.every(({ status }) => status === 200))
    assert.equal((await person.client.get('/v1/auth/mfa/status')).body.recovery_codes_left, 10)
  })

  it('are not accepted for a step-up', async () => {
    const person = await enrol(app)
    const recovery_code = person.recoveryCodes[0]
    for (const body of [{ recovery_code }, { code: recovery_code }, { code: '123456', recovery_code }]) {
      assert.equal((await person.client.post('/v1/auth/mfa/verify', body)).status, 400)
    }
  })

  it('notify their user and are recorded when used', async () => {
    const person = await enrol(app)
    await recovered(person)
    assert.ok((await mailsTo(app, person.email)).some(({ subject }) => /recovery code .* was used/.test(subject)))
    const actions = await app.sql('SELECT action FROM identsphere.audit_logs WHERE actor_id = $1', [person.userId])
    const names = actions.map(({ action }) => action)
    for (const name of ['auth.mfa.recovery_code_used', 'auth.mfa.challenge.succeeded', 'auth.login']) {
      assert.ok(names.includes(name), name)
    }
  })
})

describe('a session that began with a recovery code', () => {
  it('has no second factor', async () => {
    const person = await enrol(app)
    const client = await recovered(person)
    const { user, session } = (await client.get('/v1/auth/session')).body
    assert.deepEqual(session.amr, ['pwd', 'recovery'])
    assert.equal(user.mfa_verified_at, null)
    assert.equal((await client.get('/delicate')).body.error.code, 'mfa_required')
  })

  it('may set up another app, which then counts as its second factor', async () => {
    const person = await enrol(app)
    const client = await recovered(person)
    const secret = await setup(client)
    const enabled = await client.post('/v1/auth/mfa/enable', { code: totp(secret, app.clock.now()) })
    assert.equal(enabled.status, 200, enabled.text)
    assert.deepEqual((await client.get('/v1/auth/session')).body.session.amr, ['pwd', 'otp', 'mfa'])
    assert.equal((await client.get('/delicate')).status, 200)
  })

  it('may replace the recovery codes, but not turn the app off', async () => {
    const person = await enrol(app)
    const client = await recovered(person)
    assert.equal((await client.post('/v1/auth/mfa/recovery-codes', { password })).status, 200)
    assert.equal((await client.post('/v1/auth/mfa/disable', { password })).body.error.code, 'mfa_required')
  })

  it('may do so for half an hour only, even after a reauthentication', async () => {
    const person = await enrol(app)
    const client = await recovered(person)
    app.clock.advance(1_801)
    await client.post('/v1/auth/refresh')
    await reauthenticate(client, 'mfa_setup')
    assert.equal((await client.post('/v1/auth/mfa/setup')).body.error.code, 'mfa_required')
    assert.equal((await client.post('/v1/auth/mfa/recovery-codes', { password })).body.error.code, 'mfa_required')
  })
})

/** @see GHSA-g38m, CVE-2026-53516; GHSA-qq9h */
describe('the verification of a mailbox', () => {
  it('removes the app of an unverified registrant', async () => {
    const person = await enrol(app)
    await app.sql('UPDATE identsphere.users SET email_verified_at = NULL WHERE id = $1', [person.userId])
    await app.client().post('/v1/auth/magic-link/request', { email: person.email })
    const token = tokenIn(await mailTo(app, person.email, /sign-in link$/))
    const { body } = await app.client().post('/v1/auth/magic-link/verify', { token })
    assert.equal(body.status, 'success')
    for (const table of ['mfa_factors', 'user_recovery_codes']) {
      assert.deepEqual(await app.sql(`SELECT id FROM identsphere.${table} WHERE user_id = $1`, [person.userId]), [])
    }
  })

  it('removes only a newer app when an address change is undone', async () => {
    for (const since of [false, true]) {
      const person = since ? await verifiedPerson(app) : await enrol(app)
      await person.client.post('/v1/users/me/email', { email: `new-${person.email}` })
      const confirm = tokenIn(await mailTo(app, `new-${person.email}`, /^Confirm your new/))
      assert.equal((await person.client.post('/v1/auth/email/confirm', { token: confirm })).status, 204)
      app.clock.advance(5)
      if (since) await enrol(app, person)
      const undo = tokenIn(await mailTo(app, person.email, /was changed$/))
      assert.equal((await app.client().post('/v1/auth/email/undo', { token: undo })).status, 204)
      const left = await app.sql('SELECT id FROM identsphere.mfa_factors WHERE user_id = $1', [person.userId])
      assert.equal(left.length, since ? 0 : 1)
    }
  })
})
