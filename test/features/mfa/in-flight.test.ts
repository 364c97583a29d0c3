/**
 * A change whose authorization ends while the request runs. The authorization has to hold when the change is written.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import pg from 'pg'
import { password, signIn, startApp, type TestApp } from '../../support/app.js'
import type { Answer, Client } from '../../support/client.js'
import { enrol, reauthenticate, setup, totp } from '../../support/mfa.js'
import { beginRegistration, newAuthenticator, personWithPasskey, register } from '../../support/passkeys.js'
import { verifiedPerson } from '../../support/people.js'

let app: TestApp
before(async () => {
  app = await startApp()
})
after(() => app.close())

const rows = (table: string, userId: string) =>
  app.sql(`SELECT * FROM identsphere.${table} WHERE user_id = $1`, [userId])
const newPassword = { current_password: password, new_password: 'four-lone-heron-wades-9' }

/** Sends a request, blocks its first write to the table, and runs another action before the write continues. */
async function overtaken(
  table: string,
  send: () => Promise<Answer>,
  meanwhile: () => Promise<unknown>,
): Promise<Answer> {
  const holder = new pg.Client(app.databaseUrl)
  await holder.connect()
  try {
    await holder.query(`BEGIN; LOCK TABLE identsphere.${table} IN EXCLUSIVE MODE`)
    const answer = send()
    const waiting = 'SELECT 1 FROM pg_locks WHERE relation = $1::regclass AND NOT granted'
    while ((await app.sql(waiting, [`identsphere.${table}`])).length === 0) await new Promise(setImmediate)
    await meanwhile()
    await holder.query('COMMIT')
    return await answer
  } finally {
    await holder.end()
  }
}

describe('a session that ends during its own request', () => {
  const endsOthers = async (client: Client) => {
    assert.equal((await client.delete('/v1/users/me/sessions')).status, 204)
  }

  it('cannot turn a second factor off', async () => {
    const { client, userId } = await enrol(app)
    const answer = await overtaken(
      'mfa_factors',
      () => client.post('/v1/auth/mfa/disable', { password }),
      () => app.sql('UPDATE identsphere.user_sessions SET revoked_at = now() WHERE user_id = $1', [userId]),
    )
    assert.equal(answer.status, 401, answer.text)
    assert.equal((await rows('mfa_factors', userId)).length, 1)
  })

  it('gets no recovery codes', async () => {
    const { client, userId } = await enrol(app)
    const before = await rows('user_recovery_codes', userId)
    const answer = await overtaken(
      'budgets',
      () => client.post('/v1/auth/mfa/recovery-codes', { password }),
      () => app.sql('UPDATE identsphere.user_sessions SET revoked_at = now() WHERE user_id = $1', [userId]),
    )
    assert.equal(answer.status, 401, answer.text)
    assert.deepEqual(await rows('user_recovery_codes', userId), before)
  })

  it('gets no recovery codes if the account has no password', async () => {
    const { client, userId } = await enrol(app)
    await app.sql('UPDATE identsphere.users SET password_hash = NULL WHERE id = $1', [userId])
    const before = await rows('user_recovery_codes', userId)
    const answer = await overtaken(
      'mfa_factors',
      () => client.post('/v1/auth/mfa/recovery-codes', {}),
      () => app.sql('UPDATE identsphere.user_sessions SET revoked_at = now() WHERE user_id = $1', [userId]),
    )
    assert.equal(answer.status, 401, answer.text)
    assert.deepEqual(await rows('user_recovery_codes', userId), before)
  })

  it('cannot remove a passkey', async () => {
    const { client, userId, passkeyId } = await personWithPasskey(app)
    const answer = await overtaken(
      'user_passkeys',
      () => client.delete(`/v1/users/me/passkeys/${passkeyId}`),
      () => app.sql('UPDATE identsphere.user_sessions SET revoked_at = now() WHERE user_id = $1', [userId]),
    )
    assert.equal(answer.status, 401, answer.text)
    assert.equal((await rows('user_passkeys', userId)).length, 1)
  })

  it('cannot change the password', async () => {
    const { client, email } = await verifiedPerson(app)
    const owner = await signIn(app, email)
    const answer = await overtaken(
      'budgets',
      () => client.post('/v1/users/me/password', newPassword),
      () => endsOthers(owner),
    )
    assert.equal(answer.status, 401, answer.text)
    await signIn(app, email)
  })

  it('cannot make a browser trusted', async () => {
    const { client, userId } = await enrol(app)
    const answer = await overtaken(
      'trusted_browsers',
      () => client.post('/v1/auth/trusted-browsers'),
      () => app.sql('UPDATE identsphere.user_sessions SET revoked_at = now() WHERE user_id = $1', [userId]),
    )
    assert.equal(answer.status, 401, answer.text)
    assert.deepEqual(await rows('trusted_browsers', userId), [])
  })
})

describe('a password that changes while it is being verified', () => {
  it('turns no second factor off, even if the session continues', async () => {
    const { client, userId } = await enrol(app)
    const moved = 'SET security_version = security_version + 1'
    const answer = await overtaken(
      'budgets',
      () => client.post('/v1/auth/mfa/disable', { password }),
      async () => {
        await app.sql(`UPDATE identsphere.users ${moved} WHERE id = $1`, [userId])
        await app.sql(`UPDATE identsphere.user_sessions ${moved} WHERE user_id = $1`, [userId])
      },
    )
    assert.equal(answer.status, 401, answer.text)
    assert.equal((await rows('mfa_factors', userId)).length, 1)
  })
})

/** @see GHSA supabase/auth #1439, #2565: factors that were added by a session with only the first factor */
describe('an enrollment that began before another factor was added', () => {
  it('adds no passkey without the authenticator app added since', async () => {
    const person = await verifiedPerson(app)
    const { email, userId } = person
    const thief = await signIn(app, email)
    const options = await beginRegistration(thief)
    await enrol(app, person)
    const response = newAuthenticator().createJSON(app.origin, options)
    const answer = await thief.post('/v1/users/me/passkeys/register/complete', { response })
    assert.equal(answer.status, 401, answer.text)
    assert.deepEqual(await rows('user_passkeys', userId), [])
  })

  it('adds no passkey without a factor added at the same moment', async () => {
    const { client, userId } = await verifiedPerson(app)
    const response = newAuthenticator().createJSON(app.origin, await beginRegistration(client))
    const moved = 'SET security_version = security_version + 1'
    const answer = await overtaken(
      'webauthn_challenges',
      () => client.post('/v1/users/me/passkeys/register/complete', { response }),
      async () => {
        await app.sql(`UPDATE identsphere.users ${moved} WHERE id = $1`, [userId])
        await app.sql(`UPDATE identsphere.user_sessions ${moved} WHERE user_id = $1`, [userId])
      },
    )
    assert.equal(answer.status, 401, answer.text)
    assert.deepEqual(await rows('user_passkeys', userId), [])
  })

  /** Adds the other factor unnoticed, as if between the check for factors and the start of the enrollment. */
  const comesUnnoticed = {
    passkey: (userId: string) =>
      app.sql(
        `INSERT INTO identsphere.user_passkeys (id, user_id, credential_id, public_key, sign_count, transports, aaguid,
           backup_eligible, backed_up, created_at)
         VALUES (gen_random_uuid(), $1, gen_random_uuid()::text, '\\x00', 0, '{}', gen_random_uuid(), false, false, now())`,
        [userId],
      ),
    app: (userId: string) =>
      app.sql(
        `INSERT INTO identsphere.mfa_factors (id, user_id, kind, key_version, sealed_secret, created_at, confirmed_at)
         VALUES (gen_random_uuid(), $1, 'totp', 1, '\\x00', now(), now())`,
        [userId],
      ),
  }

  it('does not complete without a factor added as the enrollment began', async () => {
    const { client, userId } = await verifiedPerson(app)
    await reauthenticate(client, 'mfa_setup')
    const secret = await setup(client)
    await comesUnnoticed.passkey(userId)
    const enabled = await client.post('/v1/auth/mfa/enable', { code: totp(secret, app.clock.now()) })
    assert.equal(enabled.body.error?.code, 'mfa_required', enabled.text)
    assert.equal((await rows('mfa_factors', userId))[0]?.confirmed_at, null)

    const person = await verifiedPerson(app)
    const response = newAuthenticator().createJSON(app.origin, await beginRegistration(person.client))
    await comesUnnoticed.app(person.userId)
    const registered = await person.client.post('/v1/users/me/passkeys/register/complete', { response })
    assert.equal(registered.body.error?.code, 'mfa_required', registered.text)
    assert.deepEqual(await rows('user_passkeys', person.userId), [])
  })

  it('adds no authenticator app without the passkey added since', async () => {
    const { client, email, userId } = await verifiedPerson(app)
    const thief = await signIn(app, email)
    await reauthenticate(thief, 'mfa_setup')
    const secret = await setup(thief)
    assert.equal((await register(app, client, newAuthenticator())).status, 201)
    const answer = await thief.post('/v1/auth/mfa/enable', { code: totp(secret, app.clock.now()) })
    assert.equal(answer.body.error?.code, 'mfa_required', answer.text)
    assert.deepEqual(await rows('mfa_factors', userId), [])
  })
})
