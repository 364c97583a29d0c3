/** After "sign out all others", nothing else opens the account without proving everything anew. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { password, signIn, startApp, type TestApp } from '../../support/app.js'
import type { Client } from '../../support/client.js'
import { needs } from '../../support/host.js'
import { challenged, type Enrolled, enrol } from '../../support/mfa.js'
import { answerAt, beginLogin, newAuthenticator, personWithPasskey, register } from '../../support/passkeys.js'
import { newPerson } from '../../support/people.js'

let app: TestApp
let duringSignIn: ((userId: string) => Promise<unknown>) | undefined
before(async () => {
  app = await startApp({
    hooks: {
      async beforeSignIn(_tx, { userId }) {
        await duringSignIn?.(userId)
      },
    },
  })
})
after(() => app?.close())

const login = (client: Client, email: string) => client.post('/v1/auth/login', { email, password })

/** A sign-in that shows its second factor, two steps from the one before. */
async function signInFully({ email, code }: Enrolled): Promise<Client> {
  app.clock.advance(60)
  const client = app.client()
  const body = { mfa_token: await challenged(app, email, client), code: code() }
  assert.equal((await client.post('/v1/auth/mfa/challenge', body)).status, 200)
  return client
}

async function trust(client: Client): Promise<void> {
  const answer = await client.post('/v1/auth/trusted-browsers')
  assert.equal(answer.status, 201, answer.text)
}

/** What ends everything but, for `others`, the session that asked. */
const ends = {
  'the user signs all others out': async ({ client }: { client: Client }) => {
    assert.equal((await client.delete('/v1/users/me/sessions')).status, 204)
  },
  'the host revokes all': ({ userId }: { userId: string }) => app.identsphere.api.sessions.revokeAll(userId),
}

for (const [when, end] of Object.entries(ends)) {
  describe(`when ${when}`, () => {
    it('a sign-in that waits for its second factor is void, and its code is not used up', async () => {
      const person = await enrol(app)
      const mfa_token = await challenged(app, person.email)
      await end(person)
      const code = person.code(1)
      const answer = await app.client().post('/v1/auth/mfa/challenge', { mfa_token, code })
      assert.equal(answer.status, 401, answer.text)
      assert.equal(answer.body.error.code, 'invalid_credentials')
      const anew = { mfa_token: await challenged(app, person.email), code }
      assert.equal((await app.client().post('/v1/auth/mfa/challenge', anew)).status, 200)
    })

    it('a sign-in by passkey to this address that has begun is void', async () => {
      const person = await personWithPasskey(app)
      const browser = app.client()
      const options = await beginLogin(browser, { email: person.email })
      await end(person)
      const response = person.authenticator.getJSON(app.origin, options)
      const answer = await browser.post('/v1/auth/passkey/login/complete', { response })
      assert.equal(answer.status, 401, answer.text)
    })

    it('no other browser is trusted any more', async () => {
      const person = await enrol(app)
      const other = await signInFully(person)
      await trust(other)
      await end(person)
      assert.equal((await login(other, person.email)).body.status, 'mfa_required')
    })

    it('a second factor that is shown at the same moment leaves no session behind', async () => {
      const person = await enrol(app)
      for (let round = 0; round < 8; round += 1) {
        app.clock.advance(30)
        const late = app.client()
        const mfa_token = await challenged(app, person.email)
        const complete = () => late.post('/v1/auth/mfa/challenge', { mfa_token, code: person.code() })
        await Promise.all(round % 2 === 0 ? [complete(), end(person)] : [end(person), complete()])
        assert.equal((await late.get('/v1/auth/session')).status, 401)
        assert.equal((await late.post('/v1/auth/refresh')).status, 401)
      }
    })

    it('a sign-in whose password was read just before is void', { skip: needs('a second connection') }, async () => {
      const { client, email, userId } = await newPerson(app)
      duringSignIn = async (id) => {
        if (id !== userId) return
        duringSignIn = undefined
        await end({ client, userId })
      }
      const late = await login(app.client(), email)
      assert.equal(late.status, 401, late.text)
      assert.equal(late.headers['set-cookie'], undefined)
      assert.equal((await login(app.client(), email)).status, 200)
    })
  })
}

describe('signing all others out', () => {
  it('leaves the own session as it was: recent, with its second factor, and able to renew its tokens', async () => {
    const { client } = await enrol(app)
    const before = (await client.get('/v1/auth/session')).body
    assert.equal((await client.delete('/v1/users/me/sessions')).status, 204)
    const now = (await client.get('/v1/auth/session')).body
    assert.deepEqual(now, before)
    assert.notEqual(now.user.mfa_verified_at, null)
    assert.equal((await client.post('/v1/auth/refresh')).status, 200)
    await trust(client)
  })

  it('keeps the trust of the browser that asked, whether it was just given or has just been used', async () => {
    const { client, email } = await enrol(app)
    await trust(client)
    for (let round = 0; round < 2; round += 1) {
      assert.equal((await client.delete('/v1/users/me/sessions')).status, 204)
      assert.equal((await client.get('/v1/auth/trusted-browsers')).body.trusted_browsers.length, 1)
      assert.equal((await client.post('/v1/auth/logout')).status, 204)
      assert.equal((await login(client, email)).body.status, 'success')
    }
  })

  it('revives no trust that had ended before', async () => {
    const { client, email } = await enrol(app)
    await trust(client)
    const changed = { current_password: password, new_password: 'four-lone-heron-wades-9' }
    assert.equal((await client.post('/v1/users/me/password', changed)).status, 204)
    assert.equal((await client.delete('/v1/users/me/sessions')).status, 204)
    const answer = await client.post('/v1/auth/login', { email, password: changed.new_password })
    assert.equal(answer.body.status, 'mfa_required')
  })

  it('from two browsers at once leaves one of them', async () => {
    const { client, email } = await newPerson(app)
    for (let round = 0; round < 4; round += 1) {
      const other = await signIn(app, email)
      const answers = await Promise.all([client, other].map((one) => one.delete('/v1/users/me/sessions')))
      assert.deepEqual(answers.map(({ status }) => status).sort(), [204, 401])
      const [first] = answers
      if (first?.status === 204) continue
      const again = await signIn(app, email)
      for (const [name, cookie] of again.cookies) client.cookies.set(name, cookie)
    }
  })

  it('waits for nobody for ever, beside sign-ins, refreshes, step-ups and changes of factors', async () => {
    const person = await enrol(app)
    const { client, email } = person
    await trust(client)
    for (let round = 0; round < 4; round += 1) {
      app.clock.advance(60)
      const tab = app.client()
      for (const [name, cookie] of client.cookies) tab.cookies.set(name, cookie)
      const answers = await Promise.all([
        client.delete('/v1/users/me/sessions'),
        login(tab, email),
        client.post('/v1/auth/refresh'),
        client.post('/v1/auth/mfa/verify', { code: person.code() }),
        client.post('/v1/auth/trusted-browsers'),
        client.delete('/v1/users/me/sessions'),
        client.post('/v1/auth/mfa/recovery-codes', { password }),
        login(app.client(), email),
      ])
      for (const { status, text } of answers) assert.ok(status < 500, text)
      assert.equal(answers[0]?.status, 204)
      assert.equal((await client.get('/v1/auth/session')).status, 200)
    }
  })

  it('takes a passkey away from nobody, but what has begun towards one', async () => {
    const person = await personWithPasskey(app)
    const { client, email, authenticator } = person
    const other = await signIn(app, email)
    const path = '/v1/auth/mfa/verify/passkey/begin'
    const response = await answerAt(app, other, authenticator, path)
    assert.equal((await client.delete('/v1/users/me/sessions')).status, 204)
    assert.equal((await other.post('/v1/auth/mfa/verify/passkey/complete', { response })).status, 401)
    assert.equal((await client.get('/v1/users/me/passkeys')).body.passkeys.length, 1)
    assert.equal((await register(app, client, newAuthenticator())).status, 201)
  })
})
