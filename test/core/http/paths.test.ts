import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import express from 'express'
import { password, startApp, type TestApp } from '../../support/app.js'
import { newPerson } from '../../support/people.js'

describe('the paths of IdentSphere', () => {
  let app: TestApp
  let email: string
  before(async () => {
    app = await startApp({
      mount: '/identity',
      routes(host, { requireAuth }) {
        const nearby = express.Router()
        nearby.post('/v1/auth/refresh-all', requireAuth(), (_request, response) => void response.json({}))
        nearby.post('/v1/auth/logout/everywhere', requireAuth(), (_request, response) => void response.json({}))
        nearby.post('/v1/auth/loginx', requireAuth(), (_request, response) => void response.json({}))
        host.use('/identity', nearby)
        host.use('/admin', requireAuth())
        host.all('/admin/thing', (_request, response) => void response.json({ secret: true }))
        host.use((request, response) => {
          response.status(404).json({ host: request.method })
        })
      },
    })
    email = (await newPerson(app)).email
  })
  after(() => app.close())

  const body = () => ({ email, password: 'wrong-horse-battery-7' })
  const spent = () =>
    app.sql('SELECT count(*)::int AS keys, coalesce(sum(count), 0)::int AS sum FROM identsphere.budgets')

  /** @see better-auth GHSA-x732, #10004, CVE-2026-41248 */
  it('have one spelling each; the host gets all others', async () => {
    const before = await spent()
    for (const path of [
      '//v1/auth/login',
      '/v1//auth/login',
      '/v1/auth//login',
      '/v1/auth/login/',
      '/v1/auth/login//',
      '/v1/auth/./login',
      '/v1/auth/x/../login',
      '/v1/%61uth/login',
      '/v1/auth/%6cogin',
      '/v1/auth%2flogin',
      '/v1%2fauth%2flogin',
      '/%2e/v1/auth/login',
      '/v1/auth/login%20',
      '/v1/auth/login%00',
      '/v1/auth/login;x',
      '/v1/auth;x=1/login',
      '/v1/auth/login.json',
      '/V1/auth/login',
      '/v1/Auth/Login',
      '/v1/auth/LOGIN',
      '/v1/auth/%C5%BFogin',
      '/v1\\auth\\login',
      '/v1/auth/login*',
    ]) {
      const answer = await app.client().post(path, body())
      assert.equal(answer.status, 404, path)
      assert.deepEqual(answer.body, { host: 'POST' }, path)
    }
    assert.deepEqual(await spent(), before)
    for (const path of ['/v1/auth/login', '/v1/auth/login?x=1']) {
      assert.equal((await app.client().post(path, body())).status, 401, path)
    }
    assert.notDeepEqual(await spent(), before)
  })

  it('share one budget across query strings', async () => {
    const { email: target } = await newPerson(app)
    for (const query of ['', '?', '?x=1', '?x=2', '?a&a']) {
      await app.client().post(`/v1/auth/login${query}`, { email: target, password: 'wrong-horse-battery-7' })
    }
    const [row] = await app.sql(`SELECT max(count) AS count FROM identsphere.budgets WHERE key LIKE '%:network:%'`)
    assert.equal(row.count, 5)
    assert.equal((await app.client().post('/v1/auth/login', { email: target, password })).status, 200)
  })

  it('leave unknown methods to the host', async () => {
    for (const [method, path] of [
      ['GET', '/v1/auth/login'],
      ['PUT', '/v1/users/me'],
      ['DELETE', '/v1/auth/session'],
      ['PATCH', '/v1/auth/login'],
    ] as const) {
      const answer = await app.client().send(method, path)
      assert.deepEqual([answer.status, answer.body], [404, { host: method }], `${method} ${path}`)
    }
  })

  it('end at the mount path', async () => {
    const origin = new URL(app.url).origin
    for (const path of [
      '/v1/auth/login',
      '/identityx/v1/auth/login',
      '/identity-v1/auth/login',
      '/x/identity/v1/auth/login',
    ]) {
      const answer = await app.client().post(`${origin}${path}`, body())
      assert.deepEqual(answer.body, { host: 'POST' }, path)
    }
  })

  /** @see better-auth's origin check tests */
  it('exempt no similar path of the host from its guard', async () => {
    const { client } = await newPerson(app)
    for (const path of ['/v1/auth/refresh-all', '/v1/auth/logout/everywhere', '/v1/auth/loginx']) {
      assert.equal((await app.client().post(path)).status, 401, path)
      assert.equal((await client.post(path, {}, { csrf: false })).status, 403, path)
      const foreign = await client.post(path, {}, { headers: { origin: 'https://evil.example' } })
      assert.equal(foreign.status, 403, path)
      assert.equal((await client.post(path)).status, 200, path)
    }
  })

  it('bypass no guard of the host in any spelling', async () => {
    const origin = new URL(app.url).origin
    const { client } = await newPerson(app)
    assert.deepEqual((await client.get(`${origin}/admin/thing`)).body, { secret: true })
    for (const path of [
      '/admin/thing',
      '/admin/thing/',
      '/ADMIN/thing',
      '/admin/THING',
      '//admin/thing',
      '/admin//thing',
      '/./admin/thing',
      '/x/../admin/thing',
      '/%61dmin/thing',
      '/admin/%74hing',
      '/admin;x/thing',
      '/admin/thing;x',
      '/admin%2fthing',
      '/identity/../admin/thing',
      '/identity/v1/auth/login/../../../../admin/thing',
    ]) {
      for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS']) {
        const answer = await app.client().send(method, `${origin}${path}`)
        assert.ok([401, 404].includes(answer.status), `${method} ${path}: ${answer.status}`)
        assert.equal(answer.text.includes('secret'), false)
      }
    }
  })
})
