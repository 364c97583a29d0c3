/** The host removes second factors: for a user who has lost every factor, or whose account has an attacker's factor. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { password, startApp, type TestApp } from '../../support/app.js'
import { mailsTo } from '../../support/mail.js'
import { challenged, enrol } from '../../support/mfa.js'
import { newAuthenticator, personWithPasskey, register, signInWith } from '../../support/passkeys.js'

describe('the removal of second factors by the host', () => {
  let app: TestApp
  before(async () => {
    app = await startApp()
  })
  after(() => app.close())

  it('deletes all factors with their codes, sessions and trusted browsers', async () => {
    const { client, email, userId } = await enrol(app)
    assert.equal((await register(app, client, newAuthenticator())).status, 201)
    assert.equal((await client.post('/v1/auth/trusted-browsers')).status, 201)
    const waiting = await challenged(app, email)
    await app.identsphere.api.users.removeSecondFactors(userId)
    assert.equal((await client.get('/v1/auth/session')).status, 401)
    const answered = await app.client().post('/v1/auth/mfa/challenge', { mfa_token: waiting, code: '123456' })
    assert.equal(answered.status, 401)
    for (const table of ['mfa_factors', 'user_recovery_codes', 'user_passkeys', 'webauthn_challenges']) {
      assert.deepEqual(await app.sql(`SELECT 1 FROM identsphere.${table} WHERE user_id = $1`, [userId]), [], table)
    }
    const again = app.client()
    assert.equal((await again.post('/v1/auth/login', { email, password })).body.status, 'success')
    assert.deepEqual((await again.get('/v1/auth/trusted-browsers')).body.trusted_browsers, [])
    assert.ok((await mailsTo(app, email)).some(({ subject }) => /^Two-step sign-in was turned off/.test(subject)))
    await enrol(app, { client: again, email, userId, organizationId: '', sessionId: '' })
  })

  it("stops an attacker's passkey from signing in", async () => {
    const { authenticator, userId } = await personWithPasskey(app)
    await app.identsphere.api.users.removeSecondFactors(userId)
    assert.equal((await signInWith(app, app.client(), authenticator)).status, 401)
  })

  it('rejects an unknown user', async () => {
    const nobody = app.identsphere.api.users.removeSecondFactors('01890a5d-ac96-774b-bcce-b302099a8057')
    await assert.rejects(nobody, { code: 'not_found' })
  })
})
