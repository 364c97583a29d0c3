import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { startApp, type TestApp } from '../../support/app.js'
import { mailTo, runJobs } from '../../support/mail.js'
import { beginLogin, newAuthenticator, personWithPasskey, register, signInWith } from '../../support/passkeys.js'
import { verifiedPerson } from '../../support/people.js'

const elsewhere = 'https://app.example.de'

let app: TestApp
// Also after a failure: an open app keeps the process alive until the run's timeout.
afterEach(() => app.close())

describe('the relying party', () => {
  it('accepts passkeys on related origins and lists these for browsers', async () => {
    app = await startApp({
      allowedOrigins: [elsewhere, 'https://other.example'],
      passkeys: { rpName: 'Example', relatedOrigins: [elsewhere] },
    })
    const listed = await app.client().get('/.well-known/webauthn')
    assert.deepEqual(listed.body, { origins: [elsewhere] })
    assert.equal(listed.headers['access-control-allow-origin'], '*')

    const { authenticator } = await personWithPasskey(app)
    const client = app.client()
    const options = (await beginLogin(client)) as { rpId: string }
    assert.equal(options.rpId, 'localhost')
    const getJSON = authenticator.getJSON as (origin: string, options: object, related: string[]) => object
    const response = getJSON.call(authenticator, elsewhere, options, [elsewhere])
    const answer = await client.post('/v1/auth/passkey/login/complete', { response })
    assert.equal(answer.status, 200, answer.text)
  })

  it('leaves the list of related origins to the host if it has none', async () => {
    app = await startApp()
    const answer = await app.client().get('/.well-known/webauthn')
    assert.equal(answer.status, 404)
    assert.equal(answer.body, undefined)
  })

  it('shows its name, and only the address of the user', async () => {
    app = await startApp({ passkeys: { rpName: 'Example Works' } })
    const { client, email, userId } = await verifiedPerson(app)
    await register(app, client, newAuthenticator())
    const { options } = (await client.post('/v1/users/me/passkeys/register/begin')).body
    assert.deepEqual(options.rp, { id: 'localhost', name: 'Example Works' })
    assert.equal(options.user.name, email)
    assert.equal(Buffer.from(options.user.id, 'base64url').toString('hex'), userId.replaceAll('-', ''))
  })
})

describe('mail about passkeys', () => {
  it('announces an added passkey and a removed one', async () => {
    app = await startApp()
    const { client, email, passkeyId, authenticator } = await personWithPasskey(app)
    assert.match((await mailTo(app, email, /passkey was added/)).text, /If not, restore your account with this link/)
    await client.delete(`/v1/users/me/passkeys/${passkeyId}`)
    await mailTo(app, email, /passkey was removed/)
    assert.equal((await signInWith(app, app.client(), authenticator)).status, 401)
  })
})

describe('unanswered passkey challenges', () => {
  it('are swept once they have expired, not before', async () => {
    app = await startApp()
    const left = async () => (await app.sql('SELECT 1 FROM identsphere.webauthn_challenges')).length
    await beginLogin(app.client())
    await runJobs(app)
    assert.equal(await left(), 1)
    app.clock.advance(601)
    await runJobs(app)
    assert.equal(await left(), 0)
  })
})
