import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startApp, type TestApp } from '../../support/app.js'
import type { Answer } from '../../support/client.js'
import {
  answerAt,
  beginLogin,
  type Credential,
  challengeFor,
  newAuthenticator,
  personWithPasskey,
} from '../../support/passkeys.js'
import type { Person } from '../../support/people.js'

let app: TestApp
before(async () => {
  app = await startApp()
})
after(() => app.close())

const begin = '/v1/auth/mfa/challenge/passkey/begin'
const complete = '/v1/auth/mfa/challenge/passkey/complete'

async function challenged() {
  const person = await personWithPasskey(app)
  return { ...person, mfa_token: await challengeFor(app, person) }
}

function assertDenied(answer: Answer): void {
  assert.equal(answer.status, 401, answer.text)
  assert.equal(answer.body.error.code, 'invalid_credentials')
  assert.equal(answer.headers['set-cookie'], undefined)
}

const sessionsOf = ({ userId }: Pick<Person, 'userId'>) =>
  app.sql('SELECT amr, auth_method FROM identsphere.user_sessions WHERE user_id = $1 ORDER BY created_at', [userId])

describe('a sign-in that requires a second factor', () => {
  it('accepts a passkey, once', async () => {
    const person = await challenged()
    const { mfa_token, authenticator } = person
    const client = app.client()
    const response = await answerAt(app, client, authenticator, begin, { mfa_token })
    const answer = await client.post(complete, { mfa_token, response })
    assert.equal(answer.status, 200, answer.text)
    assert.equal(answer.body.user.auth_method, 'password_with_mfa')
    assert.ok(answer.body.user.mfa_verified_at)
    assert.deepEqual(answer.body.session.amr, ['pwd', 'swk', 'user', 'mfa'])
    assert.equal((await app.client().post(begin, { mfa_token })).status, 401)
    assert.equal((await sessionsOf(person)).length, 2)
  })

  it('creates one session for simultaneous answers, even different ones', async () => {
    const person = await challenged()
    const { mfa_token, authenticator } = person
    const clients = Array.from({ length: 4 }, () => app.client())
    const responses: Credential[] = []
    for (const client of clients) responses.push(await answerAt(app, client, authenticator, begin, { mfa_token }))
    const answers = await Promise.all(
      clients.map((client, index) => client.post(complete, { mfa_token, response: responses[index] })),
    )
    assert.equal(answers.filter(({ status }) => status === 200).length, 1, answers.map(({ text }) => text).join('\n'))
    assert.equal((await sessionsOf(person)).length, 2)
  })

  it("rejects another user's passkey", async () => {
    const { mfa_token } = await challenged()
    const other = await personWithPasskey(app)
    const client = app.client()
    const { options } = (await client.post(begin, { mfa_token })).body
    const { allowCredentials: _, ...open } = options
    assertDenied(await client.post(complete, { mfa_token, response: other.authenticator.getJSON(app.origin, open) }))
  })

  it("rejects an answer to another user's challenge", async () => {
    const one = await challenged()
    const other = await challenged()
    const client = app.client()
    const response = await answerAt(app, client, other.authenticator, begin, { mfa_token: other.mfa_token })
    assertDenied(await client.post(complete, { mfa_token: one.mfa_token, response }))
  })

  it('accepts the answer only in the browser that asked for it', async () => {
    const { mfa_token, authenticator } = await challenged()
    const response = await answerAt(app, app.client(), authenticator, begin, { mfa_token })
    assertDenied(await app.client().post(complete, { mfa_token, response }))
  })

  it('rejects the answer to a passkey sign-in, and vice versa', async () => {
    const { mfa_token, authenticator } = await challenged()
    const client = app.client()
    const login = authenticator.getJSON(app.origin, await beginLogin(client))
    assertDenied(await client.post(complete, { mfa_token, response: login }))
    const response = await answerAt(app, client, authenticator, begin, { mfa_token })
    assertDenied(await client.post('/v1/auth/passkey/login/complete', { response }))
  })

  it('rejects a passkey after five wrong codes, but a new sign-in accepts it', async () => {
    const person = await challenged()
    const { mfa_token, authenticator } = person
    const client = app.client()
    const response = await answerAt(app, client, authenticator, begin, { mfa_token })
    await app.sql('UPDATE identsphere.mfa_challenges SET attempts = 5 WHERE id::text = $1', [mfa_token.split('.')[1]])
    assert.equal((await client.post(complete, { mfa_token, response })).status, 429)
    assert.equal((await client.post(begin, { mfa_token })).status, 429)
    const next = await challengeFor(app, person)
    const again = await answerAt(app, client, authenticator, begin, { mfa_token: next })
    assert.equal((await client.post(complete, { mfa_token: next, response: again })).status, 200)
  })

  it('offers no passkey to a user without one or for a forged token', async () => {
    const { mfa_token, userId } = await challenged()
    const forged = await app.client().post(begin, { mfa_token: `${mfa_token.slice(0, -1)}x` })
    assert.equal(forged.body.error.code, 'invalid_credentials')
    await app.sql('DELETE FROM identsphere.user_passkeys WHERE user_id = $1', [userId])
    assert.equal((await app.client().post(begin, { mfa_token })).body.error.code, 'conflict')
  })

  it('requires no second factor after a passkey sign-in', async () => {
    const { authenticator } = await challenged()
    const client = app.client()
    const response = authenticator.getJSON(app.origin, await beginLogin(client))
    const answer = await client.post('/v1/auth/passkey/login/complete', { response })
    assert.equal(answer.body.status, 'success')
  })

  it('accepts each of several passkeys', async () => {
    const { mfa_token, authenticator, client: owner } = await challenged()
    const another = newAuthenticator()
    const { options } = (await owner.post('/v1/users/me/passkeys/register/begin')).body
    const made = another.createJSON(app.origin, options)
    assert.equal((await owner.post('/v1/users/me/passkeys/register/complete', { response: made })).status, 201)
    // A newly added factor voids pending sign-ins.
    assertDenied(await app.client().post(begin, { mfa_token }))
    for (const one of [authenticator, another]) {
      const login = await app.client().post('/v1/auth/login', {
        email: (await owner.get('/v1/users/me')).body.email,
        password: 'correct-horse-battery-7',
      })
      const client = app.client()
      const response = await answerAt(app, client, one, begin, { mfa_token: login.body.mfa_token })
      const answer = await client.post(complete, { mfa_token: login.body.mfa_token, response })
      assert.equal(answer.status, 200, answer.text)
    }
  })
})
