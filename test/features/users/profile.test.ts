import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startApp, type TestApp } from '../../support/app.js'
import { newPerson } from '../../support/people.js'

describe('the profile', () => {
  let app: TestApp
  before(async () => {
    app = await startApp()
  })
  after(() => app.close())

  const user = async (id: string) => (await app.sql('SELECT * FROM identsphere.users WHERE id = $1', [id]))[0]

  it('changes named fields, keeps absent ones and clears empty ones', async () => {
    const { client } = await newPerson(app)
    const first = await client.patch('/v1/users/me', {
      display_name: 'Ada',
      job_title: 'Analyst',
      phone_number: '+44 20 7946 0000',
      bio: 'Notes',
      preferences: { theme: 'dark', nested: { list: [1, null, 'x'] } },
    })
    assert.equal(first.status, 200, first.text)
    const second = await client.patch('/v1/users/me', { job_title: '', preferences: { theme: 'light' } })
    assert.equal(second.status, 200, second.text)
    const { body } = await client.get('/v1/users/me')
    assert.deepEqual(body, second.body)
    assert.equal(body.display_name, 'Ada')
    assert.equal(body.job_title, null)
    assert.equal(body.bio, 'Notes')
    assert.deepEqual(body.preferences, { theme: 'light' }, 'preferences are replaced as a whole')
  })

  /**
   * @see CVE-2026-54693, Zitadel
   * @see https://github.com/better-auth/better-auth/issues/9965, https://github.com/better-auth/better-auth/issues/9974
   */
  it('rejects unknown fields such as identity or role, and stores nothing', async () => {
    const { client, userId } = await newPerson(app)
    const other = await newPerson(app)
    const before = await user(userId)
    for (const [field, value] of Object.entries({
      id: other.userId,
      user_id: other.userId,
      userId: other.userId,
      email: 'new@example.com',
      email_verified: true,
      email_verified_at: '2020-01-01T00:00:00.000Z',
      role: 'owner',
      status: 'active',
      is_platform_admin: true,
      organization_id: other.organizationId,
      mfa_enabled: false,
      mfa_verified_at: '2020-01-01T00:00:00.000Z',
      password: 'correct-horse-battery-8',
      password_hash: 'x',
      security_version: 0,
      external_id: 'x',
      deleted_at: null,
      created_at: '2020-01-01T00:00:00.000Z',
    })) {
      const answer = await client.patch('/v1/users/me', { bio: 'with a stowaway', [field]: value })
      assert.equal(answer.status, 400, field)
      assert.deepEqual(answer.body.error.details, [{ path: field, message: 'is not a known field' }])
    }
    assert.deepEqual(await user(userId), before)
    const [admins] = await app.sql('SELECT count(*)::int FROM identsphere.platform_admins')
    assert.equal(admins.count, 0)
  })

  it('limits every field and names the one that is too long', async () => {
    const { client } = await newPerson(app)
    for (const [field, longest] of [
      ['display_name', 200],
      ['job_title', 200],
      ['phone_number', 50],
      ['bio', 2000],
    ] as const) {
      assert.equal((await client.patch('/v1/users/me', { [field]: 'x'.repeat(longest) })).status, 200, field)
      const answer = await client.patch('/v1/users/me', { [field]: 'x'.repeat(longest + 1) })
      assert.equal(answer.status, 400, field)
      assert.equal(answer.body.error.details[0].path, field)
    }
    const preferences = (bytes: number) => ({ preferences: { text: 'x'.repeat(bytes - '{"text":""}'.length) } })
    assert.equal((await client.patch('/v1/users/me', preferences(16 * 1024))).status, 200)
    assert.equal((await client.patch('/v1/users/me', preferences(16 * 1024 + 1))).status, 400)
    for (const wrong of [null, [], 'text', 7, true]) {
      assert.equal((await client.patch('/v1/users/me', { preferences: wrong })).status, 400, JSON.stringify(wrong))
    }
  })

  /** @see CVE-2025-61928, better-auth: the acting user came from the body */
  it("is the caller's own, whatever user the request names", async () => {
    const victim = await newPerson(app)
    const attacker = await newPerson(app)
    const before = await user(victim.userId)
    for (const name of ['user_id', 'userId', 'id', 'sub', 'user']) {
      const path = `/v1/users/me?${name}=${victim.userId}`
      const headers = { [`x-${name.replace('_', '-')}`]: victim.userId, 'x-identsphere-user': victim.userId }
      const read = await attacker.client.get(path, { headers })
      assert.equal(read.body.user_id, attacker.userId)
      assert.equal((await app.client().get(path, { headers })).status, 401)
      const patched = await attacker.client.patch(path, { bio: name }, { headers })
      assert.equal(patched.body.user_id, attacker.userId)
      const list = await attacker.client.get(`/v1/users/me/sessions?${name}=${victim.userId}`, { headers })
      assert.deepEqual(
        list.body.sessions.map((session: { id: string }) => session.id),
        [attacker.sessionId],
      )
    }
    assert.deepEqual(await user(victim.userId), before)
  })

  it('leaves an audit row with the names of the fields, not their values', async () => {
    const { client, userId } = await newPerson(app)
    await client.patch('/v1/users/me', { bio: 'something private', job_title: 'Analyst' })
    const [row] = await app.sql(
      `SELECT metadata, resource_id FROM identsphere.audit_logs WHERE action = 'users.updated' AND actor_id = $1`,
      [userId],
    )
    assert.deepEqual(row, { metadata: { fields: 'bio,job_title' }, resource_id: userId })
  })
})
