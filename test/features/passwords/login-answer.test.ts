/** What a sign-in answers with, and what it asks of the database. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { password, startApp, type TestApp } from '../../support/app.js'
import type { Client } from '../../support/client.js'
import { challenged, enrol } from '../../support/mfa.js'
import { newPerson } from '../../support/people.js'
import { statementsOf } from '../../support/work.js'

let app: TestApp
before(async () => {
  app = await startApp()
})
after(() => app.close())

const login = (client: Client, email: string, secret = password) =>
  client.post('/v1/auth/login', { email, password: secret })

/** Compares the answer with that of the session check. */
async function assertDescribed(client: Client, answer: { body: Record<string, unknown> }): Promise<void> {
  const { user, session, capabilities } = (await client.get('/v1/auth/session')).body
  assert.deepEqual(
    { user: answer.body.user, session: answer.body.session, capabilities: answer.body.capabilities },
    { user, session, capabilities },
  )
}

describe('the answer to a sign-in', () => {
  /** What the session check reads of the user, the organization and the role. */
  const states: Record<string, (userId: string, organizationId: string) => Promise<unknown>> = {
    'of an owner': async () => {},
    'of a viewer': (userId) =>
      app.sql(`UPDATE identsphere.organization_memberships SET role = 'viewer' WHERE user_id = $1`, [userId]),
    'of a platform admin': (userId) =>
      app.sql('INSERT INTO identsphere.platform_admins (user_id, created_at) VALUES ($1, now())', [userId]),
    'of a user with a name and a proven address': (userId) =>
      app.sql(`UPDATE identsphere.users SET display_name = 'Ada', email_verified_at = now() WHERE id = $1`, [userId]),
    'of a user without an organization': (userId) =>
      app.sql('DELETE FROM identsphere.organization_memberships WHERE user_id = $1', [userId]),
    'of a member of a deleted organization': (_userId, organizationId) =>
      app.sql('UPDATE identsphere.organizations SET deleted_at = now() WHERE id = $1', [organizationId]),
  }
  for (const [whose, arrange] of Object.entries(states)) {
    it(`${whose} says what the session check says`, async () => {
      const { email, userId, organizationId } = await newPerson(app)
      await arrange(userId, organizationId)
      const client = app.client()
      const answer = await login(client, email)
      assert.equal(answer.status, 200, answer.text)
      await assertDescribed(client, answer)
    })
  }

  it('with a second factor says what the session check says', async () => {
    const person = await enrol(app)
    const client = app.client()
    const body = { mfa_token: await challenged(app, person.email, client), code: person.code(1) }
    const answer = await client.post('/v1/auth/mfa/challenge', body)
    assert.equal(answer.status, 200, answer.text)
    assert.notEqual(answer.body.user.mfa_verified_at, null)
    await assertDescribed(client, answer)
  })

  it('to a registration says what the session check says', async () => {
    const client = app.client()
    const body = { email: 'described@example.com', password, organization_name: 'Described', display_name: 'Ada' }
    const answer = await client.post('/v1/auth/register', body)
    assert.equal(answer.status, 201, answer.text)
    await assertDescribed(client, answer)
  })
})

describe('the statements of a login', () => {
  const kinds = (texts: readonly string[]) => texts.map((text) => text.trim().split(/[\s;]/, 1)[0])

  it('are a read, a budget and one transaction of three, and none for the answer', async () => {
    const { email } = await newPerson(app)
    await login(app.client(), email)
    const texts = await statementsOf(() => login(app.client(), email))
    assert.deepEqual(kinds(texts), ['SELECT', 'WITH', 'BEGIN', 'WITH', 'WITH', 'WITH', 'COMMIT'], texts.join('\n'))
  })

  it('are a read and two budgets if the password is wrong and the failure was recorded before', async () => {
    const { email } = await newPerson(app)
    await login(app.client(), email, `${password}-wrong`)
    const texts = await statementsOf(() => login(app.client(), email, `${password}-wrong`))
    assert.deepEqual(kinds(texts), ['SELECT', 'WITH', 'WITH'], texts.join('\n'))
  })
})
