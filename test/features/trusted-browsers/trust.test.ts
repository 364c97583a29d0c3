/** Trusted browsers sign in without the second factor, and have no other privilege. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { password, startApp, type TestApp } from '../../support/app.js'
import type { Client } from '../../support/client.js'
import { challenged, enrol } from '../../support/mfa.js'
import { newPerson } from '../../support/people.js'

const path = '/v1/auth/trusted-browsers'

describe('a trusted browser', () => {
  let app: TestApp
  before(async () => {
    app = await startApp()
  })
  after(() => app?.close())

  async function trusting() {
    const someone = await enrol(app)
    const answer = await someone.client.post(path, { label: 'Laptop' })
    assert.equal(answer.status, 201, answer.text)
    return { ...someone, trustId: answer.body.id as string }
  }

  const login = (client: Client, email: string) => client.post('/v1/auth/login', { email, password })

  function show(client: Client, token: string) {
    const kept = client.cookies.get('identsphere_trust') ?? { path: `${app.mount}/v1/auth`, attributes: '' }
    client.cookies.set('identsphere_trust', { ...kept, value: token })
  }

  async function signOut(client: Client) {
    assert.equal((await client.post('/v1/auth/logout')).status, 204)
  }

  it('signs in with the password alone, without MFA in the session', async () => {
    const { client, email } = await trusting()
    await signOut(client)
    const answer = await login(client, email)
    assert.equal(answer.body.status, 'success')
    assert.equal(answer.body.user.mfa_verified_at, null)
    assert.deepEqual(answer.body.session.amr, ['pwd'])
  })

  it('needs the second factor before a change of factors', async () => {
    const { client, email } = await trusting()
    await signOut(client)
    await login(client, email)
    const answer = await client.post('/v1/auth/mfa/disable', { password })
    assert.equal(answer.status, 401)
    assert.equal(answer.body.error.code, 'mfa_required')
  })

  it('requires a second factor of the last five minutes, no recovery code', async () => {
    const plain = await newPerson(app)
    assert.equal((await plain.client.post(path, {})).body.error.code, 'mfa_required')
    const { email, recoveryCodes } = await enrol(app)
    const recovering = app.client()
    const recovery = { mfa_token: await challenged(app, email, recovering), recovery_code: recoveryCodes[0] }
    assert.equal((await recovering.post('/v1/auth/mfa/challenge', recovery)).status, 200)
    assert.equal((await recovering.post(path, {})).body.error.code, 'mfa_required')
    const { client } = await enrol(app)
    app.clock.advance(301)
    assert.equal((await client.post(path, {})).body.error.code, 'mfa_required')
  })

  /** @see BetterAuth two-factor tests: a trusted-device cookie of another user, expired, revoked, or outdated */
  describe('is challenged and gets no session', () => {
    async function assertChallenged(client: Client, email: string) {
      const answer = await login(client, email)
      assert.equal(answer.body.status, 'mfa_required', answer.text)
      assert.equal(client.cookies.has('identsphere_at'), false)
      assert.equal(client.cookies.has('identsphere_rt'), false)
    }

    it('with the trust of another user', async () => {
      const { client } = await trusting()
      const other = await enrol(app)
      await signOut(client)
      await assertChallenged(client, other.email)
    })

    it('after thirty days, used or not', async () => {
      const { client, email } = await trusting()
      for (let days = 0; days < 28; days += 14) {
        app.clock.advance(14 * 86_400)
        await signOut(client)
        assert.equal((await login(client, email)).body.status, 'success')
      }
      await signOut(client)
      app.clock.advance(2 * 86_400 + 1)
      await assertChallenged(client, email)
    })

    it('after its revocation', async () => {
      const { client, email, trustId } = await trusting()
      assert.equal((await client.delete(`${path}/${trustId}`)).status, 204)
      await signOut(client)
      await assertChallenged(client, email)
    })

    it('after a password change', async () => {
      const { client, email } = await trusting()
      const changed = { current_password: password, new_password: 'correct-horse-battery-8' }
      assert.equal((await client.post('/v1/users/me/password', changed)).status, 204)
      await signOut(client)
      const answer = await client.post('/v1/auth/login', { email, password: changed.new_password })
      assert.equal(answer.body.status, 'mfa_required')
    })

    it('after the second factor was turned off and on again', async () => {
      const person = await trusting()
      const { client, email } = person
      assert.equal((await client.post('/v1/auth/mfa/disable', { password })).status, 204)
      await enrol(app, person)
      await signOut(client)
      await assertChallenged(client, email)
    })

    for (const [what, forge] of [
      ['a changed signature', (token: string) => `${token.slice(0, -2)}${token.endsWith('AA') ? 'BB' : 'AA'}`],
      ['another generation', (token: string) => token.replace(/\.(\d+)\.([\w-]+)$/, '.7.$2')],
      ['another id', (token: string) => token.replace(/\.[0-9a-f-]{36}\./, '.0199d0a0-0000-7000-8000-000000000000.')],
      ['an invalid form', () => 'j:{}'],
    ] as const) {
      it(`with ${what} in its token, while the genuine one stays valid`, async () => {
        const { client, email } = await trusting()
        const genuine = client.cookie('trust') ?? ''
        await signOut(client)
        show(client, forge(genuine))
        await assertChallenged(client, email)
        show(client, genuine)
        assert.equal((await login(client, email)).body.status, 'success')
      })
    }
  })

  it('gets a new token with each use; reuse ends the trust', async () => {
    const { client, email } = await trusting()
    const old = client.cookie('trust') ?? ''
    await signOut(client)
    await login(client, email)
    const present = client.cookie('trust') ?? ''
    assert.notEqual(present, old)
    const thief = app.client()
    show(thief, old)
    app.clock.advance(11)
    assert.equal((await login(thief, email)).body.status, 'mfa_required')
    await signOut(client)
    assert.equal((await login(client, email)).body.status, 'mfa_required')
    const rows = await app.sql(
      "SELECT metadata FROM identsphere.audit_logs WHERE action = 'auth.trusted_browser.revoked' ORDER BY created_at DESC LIMIT 1",
    )
    assert.equal(rows[0].metadata.reason, 'reused')
  })

  it('may sign in in ten tabs simultaneously', async () => {
    const { client, email } = await trusting()
    const token = client.cookie('trust') ?? ''
    await signOut(client)
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => {
        const tab = app.client()
        show(tab, token)
        return login(tab, email)
      }),
    )
    assert.ok(answers.every(({ body }) => body.status === 'success'))
    const cookies = answers.filter(({ headers }) => String(headers['set-cookie']).includes('identsphere_trust'))
    assert.equal(cookies.length, 1)
  })

  it('is listed for its own user only, who can revoke it', async () => {
    const { client, trustId } = await trusting()
    const { body } = await client.get(path)
    assert.deepEqual(
      body.trusted_browsers.map(({ id, label, current }: Record<string, unknown>) => ({ id, label, current })),
      [{ id: trustId, label: 'Laptop', current: true }],
    )
    const { client: stranger } = await newPerson(app)
    assert.equal((await stranger.delete(`${path}/${trustId}`)).status, 404)
    assert.equal((await client.get(path)).body.trusted_browsers.length, 1)
  })

  it('cannot be a native client', async () => {
    const { email, code } = await enrol(app)
    const body = { mfa_token: await challenged(app, email), code: code(1), token_delivery: 'body' }
    const second = await app.client().post('/v1/auth/mfa/challenge', body)
    const headers = { authorization: `Bearer ${second.body.access_token}` }
    assert.equal((await app.client().post(path, {}, { headers })).status, 403)
  })
})
