/** Actions that require the second factor of an account, even after the password was entered. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { password, signIn, startApp, type TestApp } from '../../support/app.js'
import type { Answer, Client } from '../../support/client.js'
import { challenged, type Enrolled, enrol, reauthenticate } from '../../support/mfa.js'
import { personWithPasskey } from '../../support/passkeys.js'
import { verifiedPerson } from '../../support/people.js'

let app: TestApp
before(async () => {
  app = await startApp()
})
after(() => app.close())

const newPassword = 'four-lone-heron-wades-9'
const acts: Record<string, (client: Client) => Promise<Answer>> = {
  'password change': (client) =>
    client.post('/v1/users/me/password', { current_password: password, new_password: newPassword }),
  'address change': (client) => client.post('/v1/users/me/email', { email: 'elsewhere@example.org' }),
  export: (client) => client.get('/v1/users/me/export'),
  erasure: (client) => client.delete('/v1/users/me'),
}

/** Sessions of users with a factor that was not verified. Each has just had its password verified. */
const sessions: Record<string, () => Promise<{ client: Client; person: Enrolled }>> = {
  async 'of a trusted browser'() {
    const person = await enrol(app)
    const { client, email } = person
    assert.equal((await client.post('/v1/auth/trusted-browsers')).status, 201)
    await client.post('/v1/auth/logout')
    assert.equal((await client.post('/v1/auth/login', { email, password })).body.status, 'success')
    return { client, person }
  },
  async 'older than the factor'() {
    const person = await verifiedPerson(app)
    const client = await signIn(app, person.email)
    const enrolled = await enrol(app, person)
    await reauthenticate(client)
    return { client, person: enrolled }
  },
  async 'that verified it too long ago'() {
    const person = await enrol(app)
    app.clock.advance(1801)
    await person.client.post('/v1/auth/refresh')
    await reauthenticate(person.client)
    return { client: person.client, person }
  },
  async 'that began with a recovery code'() {
    const person = await enrol(app)
    const client = app.client()
    const body = { mfa_token: await challenged(app, person.email, client), recovery_code: person.recoveryCodes[0] }
    assert.equal((await client.post('/v1/auth/mfa/challenge', body)).status, 200)
    return { client, person }
  },
}

for (const [act, attempt] of Object.entries(acts)) {
  describe(`the ${act}`, () => {
    for (const [which, begin] of Object.entries(sessions)) {
      it(`requires the second factor in a session ${which}`, async () => {
        const { client, person } = await begin()
        const refused = await attempt(client)
        assert.equal(refused.status, 401, refused.text)
        assert.equal(refused.body.error.code, 'mfa_required')
        assert.deepEqual(refused.body.error.details, { enrolled: true, methods: ['totp'] })
        app.clock.advance(30)
        assert.equal((await client.post('/v1/auth/mfa/verify', { code: person.code() })).status, 200)
        const allowed = await attempt(client)
        assert.ok(allowed.status === 200 || allowed.status === 204, allowed.text)
      })
    }

    it('is refused to an impersonator', async () => {
      const admin = await verifiedPerson(app)
      const { client, sessionId } = await verifiedPerson(app)
      const acting = 'UPDATE identsphere.user_sessions SET impersonator_id = $1 WHERE id = $2'
      await app.sql(acting, [admin.userId, sessionId])
      const refused = await attempt(client)
      assert.equal(refused.status, 403, refused.text)
    })

    it('accepts the passkey of a user who signed in by password', async () => {
      const { email } = await personWithPasskey(app)
      const refused = await attempt(await signIn(app, email))
      assert.equal(refused.body?.error.code, 'mfa_required', refused.text)
      assert.deepEqual(refused.body.error.details.methods, ['passkey'])
    })
  })
}
