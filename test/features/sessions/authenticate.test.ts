import assert from 'node:assert/strict'
import { createServer, IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import type { SessionAuth } from '../../../lib/core/auth.js'
import { IdentSphereError } from '../../../lib/core/errors.js'
import { password, startApp, type TestApp } from '../../support/app.js'
import type { Client } from '../../support/client.js'
import { newPerson } from '../../support/people.js'

describe('authenticate()', () => {
  let app: TestApp
  before(async () => {
    app = await startApp()
  })
  after(() => app.close())

  const cookieOf = (client: Client) => `identsphere_at=${client.cookie('at')}`
  const denied = (code: string) => (error: unknown) => error instanceof IdentSphereError && error.code === code

  function message(method: string, headers: Record<string, string>): IncomingMessage {
    return Object.assign(new IncomingMessage(new Socket()), { method, headers, url: '/' })
  }

  async function native(email: string): Promise<string> {
    const { body } = await app.client().post('/v1/auth/login', { email, password, token_delivery: 'body' })
    return body.access_token
  }

  it('returns the same frozen result for Headers and for a request', async () => {
    const { client, userId, organizationId, sessionId, email } = await newPerson(app)
    const cookie = cookieOf(client)
    const fromHeaders = await app.identsphere.authenticate(new Headers({ cookie }), { method: 'GET' })
    const fromRequest = await app.identsphere.authenticate(message('GET', { cookie }))
    assert.ok(fromHeaders && fromRequest)
    const { checkedAt: _, ...first } = fromHeaders
    const { checkedAt: __, ...second } = fromRequest
    assert.deepEqual(first, second)
    const { kind, role, authMethod, delivery, mfaVerifiedAt, isPlatformAdmin, impersonatorId } = fromRequest
    assert.deepEqual(
      { kind, role, authMethod, delivery, mfaVerifiedAt, isPlatformAdmin, impersonatorId },
      {
        kind: 'session',
        role: 'owner',
        authMethod: 'password',
        delivery: 'cookie',
        mfaVerifiedAt: null,
        isPlatformAdmin: false,
        impersonatorId: null,
      },
    )
    assert.deepEqual(
      [fromRequest.userId, fromRequest.organizationId, fromRequest.sessionId, fromRequest.email],
      [userId, organizationId, sessionId, email],
    )
    for (const value of [fromRequest, fromRequest.permissions, fromRequest.amr]) assert.ok(Object.isFrozen(value))
    assert.throws(() => {
      ;(fromRequest as { role: SessionAuth['role'] }).role = 'owner'
    }, TypeError)
  })

  it('returns null without a valid credential', async () => {
    const { client, email } = await newPerson(app)
    const at = client.cookie('at') as string
    const bearer = await native(email)
    const ended = await newPerson(app)
    await ended.client.delete(`/v1/users/me/sessions/${ended.sessionId}`)
    for (const headers of [
      {},
      { cookie: '' },
      { cookie: 'identsphere_at=' },
      { cookie: 'identsphere_at=x' },
      { cookie: `identsphere_rt=${client.cookie('rt')}` },
      { cookie: `identsphere_at=${at}x` },
      { cookie: `identsphere_at=${at}; identsphere_at=${bearer}` },
      { cookie: `identsphere_at=j:${JSON.stringify({ token: at })}` },
      { cookie: cookieOf(ended.client) },
      { cookie: `identsphere_at=${bearer}` },
      { authorization: `Bearer ${at}` },
      { authorization: `Bearer ${client.cookie('rt')}` },
      { authorization: 'Bearer', cookie: cookieOf(client) },
    ]) {
      const { cookie, authorization } = headers as Record<string, string>
      const given = Object.entries({ cookie, authorization }).filter(
        (pair): pair is [string, string] => pair[1] !== undefined,
      )
      const label = JSON.stringify(headers).slice(0, 80)
      assert.equal(await app.identsphere.authenticate(new Headers(given), { method: 'GET' }), null, label)
      assert.equal(await app.identsphere.authenticate(message('GET', Object.fromEntries(given))), null, label)
    }
  })

  it('requires a CSRF token with cookies unless the method is known and safe', async () => {
    const { client } = await newPerson(app)
    const cookie = cookieOf(client)
    const csrf = client.cookie('csrf') as string
    for (const method of ['GET', 'HEAD', 'OPTIONS']) {
      assert.ok(await app.identsphere.authenticate(new Headers({ cookie }), { method }), method)
      assert.ok(await app.identsphere.authenticate(message(method, { cookie })), method)
    }
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'QUERY', 'PROPFIND', 'get', '', 'x']) {
      const label = JSON.stringify(method)
      await assert.rejects(
        app.identsphere.authenticate(new Headers({ cookie }), { method }),
        denied('csrf_failed'),
        label,
      )
      await assert.rejects(app.identsphere.authenticate(message(method, { cookie })), denied('csrf_failed'), label)
      const proven = { cookie, 'x-identsphere-csrf': csrf }
      assert.ok(await app.identsphere.authenticate(new Headers(proven), { method }), label)
      assert.ok(await app.identsphere.authenticate(message(method, proven)), label)
    }
    await assert.rejects(app.identsphere.authenticate(new Headers({ cookie })), denied('csrf_failed'))
    await assert.rejects(app.identsphere.authenticate(new Headers({ cookie }), {}), denied('csrf_failed'))
  })

  it('rejects the CSRF token of another session, and any from a foreign origin', async () => {
    const { client } = await newPerson(app)
    const other = await newPerson(app)
    const cookie = cookieOf(client)
    const own = client.cookie('csrf') as string
    const foreign = other.client.cookie('csrf') as string
    for (const headers of [
      { 'x-identsphere-csrf': foreign },
      { 'x-identsphere-csrf': '' },
      { 'x-identsphere-csrf': `${own}x` },
      { 'x-identsphere-csrf': own.replace('1.', '2.') },
      { 'x-identsphere-csrf': own, origin: 'https://evil.example' },
      { 'x-identsphere-csrf': own, origin: 'null' },
      { 'x-identsphere-csrf': own, 'sec-fetch-site': 'cross-site' },
    ]) {
      const given = new Headers({ cookie, ...headers })
      await assert.rejects(app.identsphere.authenticate(given, { method: 'POST' }), denied('csrf_failed'))
    }
    for (const headers of [
      { 'x-csrf-token': own },
      { 'x-identsphere-csrf': own, origin: app.origin },
      { 'x-identsphere-csrf': own, 'sec-fetch-site': 'same-origin' },
    ]) {
      assert.ok(await app.identsphere.authenticate(new Headers({ cookie, ...headers }), { method: 'POST' }))
    }
  })

  it('requires no CSRF token with a bearer token', async () => {
    const { email } = await newPerson(app)
    const authorization = `Bearer ${await native(email)}`
    for (const method of ['GET', 'POST', 'DELETE', 'x']) {
      const auth = await app.identsphere.authenticate(new Headers({ authorization }), { method })
      assert.equal(auth?.delivery, 'body')
    }
    assert.ok(await app.identsphere.authenticate(new Headers({ authorization })))
  })

  it('ignores cookies if there is an Authorization header', async () => {
    const { client, email } = await newPerson(app)
    const other = await newPerson(app)
    const cookie = cookieOf(client)
    for (const authorization of ['Basic eDp5', 'Bearer x', '', 'x']) {
      assert.equal(await app.identsphere.authenticate(message('GET', { cookie, authorization })), null)
    }
    const authorization = `Bearer ${await native(other.email)}`
    const auth = await app.identsphere.authenticate(message('GET', { cookie, authorization }))
    assert.equal(auth?.userId, other.userId)
    assert.notEqual(auth?.email, email)
  })

  /**
   * @see RFC 6750 section 2.1
   * @see CVE-2026-9803, Keycloak; CVE-2026-73418, Auth.js; CVE-2026-47673, Hono
   */
  it('treats every malformed Authorization header as no credential', async () => {
    const { email } = await newPerson(app)
    const token = await native(email)
    const malformed = [
      'Bearer',
      'Bearer ',
      'Bearer  ',
      `Bearer  ${token}`,
      `Bearer ${token} `,
      ` Bearer ${token}`,
      `Bearer\t${token}`,
      `Bearer ${token} ${token}`,
      `Bearer ${token},Bearer ${token}`,
      `Bearer "${token}"`,
      `Bearer: ${token}`,
      `Bearer=${token}`,
      `Bearer${token}`,
      'Bearer %E0%A4%A',
      'Bearer ..',
      'Bearer a.b.c',
      'Bearer null',
      'Bearer undefined',
      'Bearer [object Object]',
      `Basic ${token}`,
      `DPoP ${token}`,
      `Token ${token}`,
      `JWT ${token}`,
      token,
      `Bearer ${token}=`,
      `Bearer ${token}==`,
      `Bearer ${'a'.repeat(1024 * 1024)}`,
      `Bearer ${'a.'.repeat(512 * 1024)}a`,
      `Bearer ${'='.repeat(1024 * 1024)}`,
      `${' '.repeat(1024 * 1024)}x`,
    ]
    for (const authorization of malformed) {
      const label = authorization.slice(0, 40)
      assert.equal(await app.identsphere.authenticate(message('GET', { authorization })), null, label)
      if (authorization.length > 8_000 || authorization !== authorization.trim()) continue
      const answer = await app.client().get('/v1/auth/session', { headers: { authorization } })
      assert.equal(answer.status, 401, label)
      assert.equal(answer.headers['www-authenticate'], 'Bearer')
    }
    // Longer than Node accepts, but short enough to be read completely. Node answers and closes; newer versions reset
    // the rest.
    const authorization = `Bearer ${'a'.repeat(20_000)}`
    const tooLong = await app.client().get('/v1/auth/session', { headers: { authorization } })
    assert.ok([401, 431].includes(tooLong.status), String(tooLong.status))
    for (const scheme of ['bearer', 'BEARER']) {
      assert.ok(await app.identsphere.authenticate(new Headers({ authorization: `${scheme} ${token}` })), scheme)
    }
  })

  it('queries the database once per request, even if called several times', async () => {
    const { client } = await newPerson(app)
    const request = message('GET', { cookie: cookieOf(client) })
    const first = app.identsphere.authenticate(request)
    assert.equal(app.identsphere.authenticate(request), first)
    const [one, two] = await Promise.all([first, app.identsphere.authenticate(request)])
    assert.equal(one, two)
  })

  it('rejects if the database cannot answer', async () => {
    const { client, email } = await newPerson(app)
    const authorization = `Bearer ${await native(email)}`
    const silent = createServer((socket) => socket.destroy())
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', () => resolve()))
    const { port } = silent.address() as { port: number }
    const node = await app.node({ database: `postgres://user:secret@127.0.0.1:${port}/x`, publicBaseUrl: app.url })
    try {
      for (const headers of [{ cookie: cookieOf(client) }, { authorization }]) {
        const asked = node.identsphere.authenticate(new Headers(headers as Record<string, string>), { method: 'GET' })
        await assert.rejects(asked, denied('service_unavailable'))
      }
      assert.equal(
        await node.identsphere.authenticate(new Headers()),
        null,
        'a request without credentials needs no database',
      )
    } finally {
      silent.close()
    }
  })
})
