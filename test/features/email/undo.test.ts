/** An owner undoes a factor that an attacker added with the owner's password. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import pg from 'pg'
import { password, signIn, startApp, type TestApp } from '../../support/app.js'
import type { Client } from '../../support/client.js'
import { mailTo, tokenIn } from '../../support/mail.js'
import { challenged, enrol, reauthenticate, setup, totp } from '../../support/mfa.js'
import { newAuthenticator, register, signInWith } from '../../support/passkeys.js'
import { verifiedPerson } from '../../support/people.js'

const added = { app: /^Two-step sign-in was turned on/, passkey: /^A passkey was added/ }
const fresh = 'four-lone-heron-wades-9'

describe('an added factor', () => {
  let app: TestApp
  before(async () => {
    app = await startApp()
  })
  after(() => app.close())

  const undo = (token: string) => app.client().post('/v1/auth/email/undo', { token })
  const linkFrom = async (email: string, subject: RegExp) => tokenIn(await mailTo(app, email, subject))
  const rows = (table: string, userId: string) =>
    app.sql(`SELECT id FROM identsphere.${table} WHERE user_id = $1`, [userId])

  async function addPasskey(client: Client) {
    const authenticator = newAuthenticator()
    assert.equal((await register(app, client, authenticator)).status, 201)
    return { signIn: () => signInWith(app, app.client(), authenticator) }
  }

  async function resetPassword(email: string) {
    const token = await linkFrom(email, /^Choose a new password/)
    return app.client().post('/v1/auth/password/reset', { token, new_password: fresh })
  }

  it('is removed by mailed link with all it gave, if an app', async () => {
    const owner = await verifiedPerson(app)
    const { client, email, userId } = owner
    const thief = await enrol(app, { ...owner, client: await signIn(app, email) })
    const token = await linkFrom(email, added.app)
    const answers = await Promise.all(Array.from({ length: 10 }, () => undo(token)))
    assert.equal(answers.filter(({ status }) => status === 204).length, 1)
    for (const browser of [client, thief.client]) assert.equal((await browser.get('/v1/auth/session')).status, 401)
    for (const table of ['mfa_factors', 'user_recovery_codes']) assert.deepEqual(await rows(table, userId), [])
    assert.equal((await app.client().post('/v1/auth/login', { email, password })).status, 401, 'the password is void')
    assert.equal((await resetPassword(email)).body.status, 'success')
  })

  it('is removed by mailed link even after a reset, if a passkey', async () => {
    const { email, userId } = await verifiedPerson(app)
    const passkey = await addPasskey(await signIn(app, email))
    await app.client().post('/v1/auth/password/forgot', { email })
    assert.equal((await resetPassword(email)).body.status, 'success')
    assert.equal((await passkey.signIn()).body.status, 'success', 'a new password alone does not stop the passkey')
    assert.equal((await undo(await linkFrom(email, added.passkey))).status, 204)
    assert.equal((await passkey.signIn()).status, 401)
    assert.deepEqual(await rows('user_passkeys', userId), [])
  })

  it('is removed with the address change if the attacker makes both', async () => {
    const owner = await verifiedPerson(app)
    const { email, userId } = owner
    const thief = await enrol(app, { ...owner, client: await signIn(app, email) })
    const changed = `thief-${email}`
    await thief.client.post('/v1/users/me/email', { email: changed })
    const token = await linkFrom(changed, /^Confirm your new/)
    assert.equal((await thief.client.post('/v1/auth/email/confirm', { token })).status, 204)
    assert.equal((await undo(await linkFrom(email, added.app))).status, 204)
    const [user] = await app.sql('SELECT email FROM identsphere.users WHERE id = $1', [userId])
    assert.equal(user.email, email)
    assert.deepEqual(await rows('mfa_factors', userId), [])
  })

  it('is removed with a simultaneous address change and its undo link', async () => {
    const { client, email, userId } = await verifiedPerson(app)
    await reauthenticate(client, 'mfa_setup')
    const secret = await setup(client)
    const changed = `thief-${email}`
    await client.post('/v1/users/me/email', { email: changed })
    const token = await linkFrom(changed, /^Confirm your new/)
    const holder = new pg.Client({ connectionString: app.databaseUrl })
    await holder.connect()
    await holder.query('BEGIN; LOCK TABLE identsphere.user_recovery_codes IN ACCESS EXCLUSIVE MODE')
    const enabling = client.post('/v1/auth/mfa/enable', { code: totp(secret, app.clock.now()) })
    const blocked = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%recovery_codes%'"
    while ((await app.sql(blocked)).length === 0) await new Promise((resolve) => setImmediate(resolve))
    assert.equal((await client.post('/v1/auth/email/confirm', { token })).status, 204)
    await holder.query('COMMIT')
    await holder.end()
    assert.equal((await enabling).status, 200)
    const thiefs = await linkFrom(changed, added.app)
    assert.equal((await undo(await linkFrom(email, /address of your account was changed$/))).status, 204)
    assert.deepEqual(await rows('mfa_factors', userId), [])
    assert.equal((await undo(thiefs)).status, 401)
  })

  it('is removed alone, so that the mailbox does not bypass older factors', async () => {
    const owner = await enrol(app, await verifiedPerson(app))
    await addPasskey(owner.client)
    assert.equal((await undo(await linkFrom(owner.email, added.passkey))).status, 204)
    assert.deepEqual(await rows('user_passkeys', owner.userId), [])
    assert.equal((await resetPassword(owner.email)).body.status, 'mfa_required')
  })

  it('is removed after its replacement, but an older replaced one stays', async () => {
    for (const first of ['app', 'passkey'] as const) {
      const owner = await enrol(app, await verifiedPerson(app))
      if (first === 'passkey') await addPasskey(owner.client)
      app.clock.advance(60)
      await reauthenticate(owner.client)
      const secret = await setup(owner.client)
      const code = totp(secret, app.clock.now())
      assert.equal((await owner.client.post('/v1/auth/mfa/enable', { code })).status, 200)
      const notice = await mailTo(app, owner.email, /^Your authenticator app was replaced$/)
      assert.ok(!notice.text.includes('#token='), 'offers no way around the older factor')
      assert.equal((await undo(await linkFrom(owner.email, added[first]))).status, 204)
      assert.equal((await rows('mfa_factors', owner.userId)).length, first === 'app' ? 0 : 1)
    }
  })

  it('can be undone for a week', async () => {
    const owner = await enrol(app, await verifiedPerson(app))
    const token = await linkFrom(owner.email, added.app)
    app.clock.advance(7 * 86_400 - 60)
    await challenged(app, owner.email)
    app.clock.advance(120)
    assert.equal((await undo(token)).status, 401)
    assert.equal((await rows('mfa_factors', owner.userId)).length, 1)
  })
})
