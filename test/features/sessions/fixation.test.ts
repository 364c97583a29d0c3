import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { password, signIn, startApp, type TestApp } from '../../support/app.js'
import type { Client } from '../../support/client.js'
import { newPerson } from '../../support/people.js'
import { clearedCookies, setCookies } from '../../support/set-cookie.js'

describe('the cookies of a browser before sign-in', () => {
  let app: TestApp
  before(async () => {
    app = await startApp()
  })
  after(() => app.close())

  function plant(victim: Client, from: Client): Record<string, string> {
    const planted: Record<string, string> = {}
    for (const [name, cookie] of from.cookies) {
      victim.cookies.set(name, cookie)
      planted[name] = cookie.value
    }
    return planted
  }

  /** @see CVE-2022-25896, CVE-2021-41246, CVE-2023-29019 */
  it("are all replaced at sign-in, whether made up or another user's", async () => {
    const { client: attacker, sessionId: attackersSession } = await newPerson(app)
    const { email, userId } = await newPerson(app)
    const madeUp = app.client()
    madeUp.cookies.set('identsphere_rt', { value: 'A'.repeat(43), path: '/v1/auth', attributes: '' })
    madeUp.cookies.set('identsphere_at', { value: 'a.b.c', path: '/', attributes: '' })
    madeUp.cookies.set('identsphere_csrf', { value: `1.${'A'.repeat(43)}`, path: '/', attributes: '' })
    for (const source of [madeUp, attacker]) {
      const victim = app.client()
      const planted = plant(victim, source)
      const answer = await victim.post('/v1/auth/login', { email, password })
      assert.equal(answer.status, 200, answer.text)
      assert.notEqual(answer.body.session.id, attackersSession)
      const set = setCookies(answer)
      for (const name of ['identsphere_at', 'identsphere_rt', 'identsphere_csrf']) {
        const value = set.find((cookie) => cookie.name === name)?.value
        assert.ok(value)
        assert.notEqual(value, planted[name])
      }
      assert.equal((await victim.get('/v1/auth/session')).body.user.user_id, userId)

      const withPlanted = app.client()
      for (const [name, value] of Object.entries(planted)) {
        withPlanted.cookies.set(name, { value, path: '/', attributes: '' })
      }
      const seen = await withPlanted.get('/v1/auth/session')
      assert.notEqual(seen.body.user?.user_id, userId)
      assert.equal((await victim.patch('/v1/users/me', {}, { csrf: planted.identsphere_csrf ?? false })).status, 403)
    }
  })

  it('are all replaced at registration', async () => {
    const { client: attacker, sessionId } = await newPerson(app)
    const victim = app.client()
    const planted = plant(victim, attacker)
    const answer = await victim.post('/v1/auth/register', {
      email: 'fixed@example.com',
      password,
      organization_name: 'Fixed',
    })
    assert.equal(answer.status, 201, answer.text)
    assert.notEqual(answer.body.session.id, sessionId)
    for (const name of ['identsphere_at', 'identsphere_rt', 'identsphere_csrf']) {
      assert.notEqual(victim.cookies.get(name)?.value, planted[name])
    }
  })

  it('show a new role at once, without a new session', async () => {
    const { client, userId } = await newPerson(app)
    const before = (await client.get('/v1/auth/session')).body
    await app.sql(`UPDATE identsphere.organization_memberships SET role = 'viewer' WHERE user_id = $1`, [userId])
    const after = (await client.get('/v1/auth/session')).body
    assert.equal(before.capabilities.role, 'owner')
    assert.equal(after.capabilities.role, 'viewer')
    assert.notDeepEqual(after.capabilities.permissions, before.capabilities.permissions)
  })

  it('are not shared by a second sign-in', async () => {
    const { email } = await newPerson(app)
    const first = await signIn(app, email)
    const second = app.client()
    plant(second, first)
    const answer = await second.post('/v1/auth/login', { email, password })
    assert.equal(answer.status, 200)
    for (const name of ['at', 'rt', 'csrf']) assert.notEqual(second.cookie(name), first.cookie(name))
    assert.equal((await second.post('/v1/auth/logout')).status, 204)
    assert.equal((await first.get('/v1/auth/session')).status, 200)
  })

  it('are removed by logout', async () => {
    const { client } = await newPerson(app)
    const answer = await client.post('/v1/auth/logout')
    assert.deepEqual(clearedCookies(answer), ['identsphere_at', 'identsphere_csrf', 'identsphere_rt'])
  })

  it('gain nothing from a failed sign-in', async () => {
    const { email } = await newPerson(app)
    const answer = await app.client().post('/v1/auth/login', { email, password: 'wrong-horse-battery-7' })
    assert.equal(answer.status, 401)
    assert.equal(answer.headers['set-cookie'], undefined)
  })
})
