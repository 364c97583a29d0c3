/** `identsphere.signedIn()`: users with exactly the privileges that their options give. */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import express from 'express'
import type { Middleware } from '../../lib/core/http/router.js'
import { roles } from '../../lib/features/organizations/roles.js'
import { createTestIdentSphere, type TestIdentSphere } from '../../lib/testing/index.js'
import { hashingOf } from '../support/work.js'

let identsphere: TestIdentSphere
let server: Server
let url: string
const registered: string[] = []

before(async () => {
  identsphere = await createTestIdentSphere({
    hooks: {
      async beforeRegister(tx, { userId, fields }) {
        await tx.raw('SELECT 1')
        registered.push(`${userId} ${fields.plan ?? 'no plan'}`)
      },
    },
  })
  const app = express()
  app.use(identsphere.router())
  const guarded: Record<string, Middleware> = {
    '/auth': identsphere.requireAuth(),
    '/admin': identsphere.requireRole('admin'),
    '/mfa': identsphere.requireRecentMfa(),
    '/recent': identsphere.requireRecentAuth(),
    '/platform': identsphere.requirePlatformAdmin(),
  }
  for (const [path, guard] of Object.entries(guarded)) {
    app.all(path, guard, (request, response) => void response.json(identsphere.auth(request)))
  }
  server = createServer(app).listen(0, 'localhost')
  await new Promise((resolve) => server.once('listening', resolve))
  url = `http://localhost:${(server.address() as AddressInfo).port}`
})
after(async () => {
  server.closeAllConnections()
  server.close()
  await identsphere.close()
})

async function ask(path: string, headers: Record<string, string>, method = 'GET') {
  const answer = await fetch(`${url}${path}`, { method, headers })
  // biome-ignore lint/suspicious/noExplicitAny: bodies of many shapes
  const body: any = answer.status === 204 ? null : await answer.json()
  return { status: answer.status, body }
}

describe('a signed-in user', () => {
  it('passes guards with cookies and makes changes with the CSRF token', async () => {
    const ada = await identsphere.signedIn({ email: 'Ada@Example.com', displayName: 'Ada' })
    for (const method of ['GET', 'POST', 'DELETE']) {
      const { status, body } = await ask('/auth', ada.headers, method)
      assert.equal(status, 200, method)
      assert.equal(body.userId, ada.user.userId)
      assert.equal(body.sessionId, ada.sessionId)
      assert.equal(body.organizationId, ada.organizationId)
      assert.equal(body.delivery, 'cookie')
    }
    assert.deepEqual(ada.user, { userId: ada.user.userId, email: 'ada@example.com', displayName: 'Ada' })
    assert.equal((await ask('/recent', ada.headers)).status, 200)
  })

  it('makes no changes without the CSRF token of the session', async () => {
    const [ada, eve] = [await identsphere.signedIn(), await identsphere.signedIn()]
    for (const headers of [{ cookie: ada.cookies }, { ...ada.headers, 'x-identsphere-csrf': eve.csrfToken }]) {
      assert.equal((await ask('/auth', headers, 'POST')).body.error.code, 'csrf_failed')
    }
  })

  it('passes guards as a native client without a CSRF token', async () => {
    const { bearer, user } = await identsphere.signedIn()
    const { status, body } = await ask('/auth', bearer.headers, 'POST')
    assert.equal(status, 200)
    assert.equal(body.userId, user.userId)
    assert.equal(body.delivery, 'body')
  })

  it('is recognized without HTTP', async () => {
    const ada = await identsphere.signedIn({ role: 'admin' })
    const auth = await identsphere.authenticate(new Headers(ada.headers), { method: 'GET' })
    assert.equal(auth?.userId, ada.user.userId)
    assert.equal(auth?.role, 'admin')
    assert.equal((await identsphere.authenticate(new Headers(ada.headers)))?.sessionId, ada.sessionId)
  })

  it('refreshes and signs out through the routes', async () => {
    const ada = await identsphere.signedIn()
    assert.equal((await ask('/v1/auth/refresh', ada.headers, 'POST')).status, 200)
    assert.equal((await ask('/v1/auth/logout', ada.headers, 'POST')).status, 204)
    assert.equal((await ask('/auth', ada.headers)).status, 401)
    assert.equal((await ask('/auth', ada.bearer.headers)).status, 401)
  })

  it('is the same user with a new session the second time', async () => {
    const first = await identsphere.signedIn({ email: 'twice@example.com' })
    const second = await identsphere.signedIn({ email: ' TWICE@example.com' })
    assert.equal(second.user.userId, first.user.userId)
    assert.equal(second.organizationId, first.organizationId)
    assert.equal(second.role, 'owner')
    assert.notEqual(second.sessionId, first.sessionId)
    const { body } = await ask('/v1/users/me/sessions', second.headers)
    assert.equal(body.sessions.length, 2)
  })

  it('is created without hashing', async () => {
    assert.deepEqual(await hashingOf(() => identsphere.signedIn({ role: 'viewer' })), [])
  })

  it("passes through the host's hook once, with its fields", async () => {
    const { user } = await identsphere.signedIn({ email: 'fields@example.com', fields: { plan: 'team' } })
    await identsphere.signedIn({ email: 'fields@example.com' })
    assert.deepEqual(
      registered.filter((line) => line.startsWith(user.userId)),
      [`${user.userId} team`],
    )
  })

  it('is created once by simultaneous calls', async () => {
    const people = await Promise.all(
      Array.from({ length: 5 }, () => identsphere.signedIn({ email: 'race@example.com' })),
    )
    assert.equal(new Set(people.map((one) => one.user.userId)).size, 1)
    assert.equal(new Set(people.map((one) => one.sessionId)).size, 5)
  })
})

describe('organizations and roles', () => {
  for (const role of roles) {
    it(`include ${role} as a role that guards accept`, async () => {
      const person = await identsphere.signedIn({ role })
      const { body } = await ask('/auth', person.headers)
      assert.equal(body.role, role)
      assert.equal(person.role, role)
      const expected = role === 'owner' || role === 'admin' ? 200 : 403
      assert.equal((await ask('/admin', person.headers, 'POST')).status, expected)
    })
  }

  it('are shared by colleagues, who are members by default', async () => {
    const owner = await identsphere.signedIn()
    const { organizationId } = owner
    const member = await identsphere.signedIn({ organizationId })
    const admin = await identsphere.signedIn({ organizationId, role: 'admin' })
    assert.deepEqual(
      [owner, member, admin].map((one) => [one.organizationId, one.role]),
      [
        [organizationId, 'owner'],
        [organizationId, 'member'],
        [organizationId, 'admin'],
      ],
    )
  })

  it('are kept if an existing user joins another organization', async () => {
    const { organizationId } = await identsphere.signedIn()
    const joined = { email: 'joins@example.com', organizationId }
    const own = await identsphere.signedIn({ email: joined.email })
    assert.equal((await identsphere.signedIn({ ...joined, role: 'billing' })).role, 'billing')
    const again = await identsphere.signedIn(joined)
    assert.deepEqual([again.organizationId, again.role], [organizationId, 'billing'])
    assert.notEqual(own.organizationId, organizationId)
  })

  it('reject an unknown organization and create no user', async () => {
    const email = 'lost@example.com'
    await assert.rejects(
      identsphere.signedIn({ email, organizationId: '00000000-0000-7000-8000-000000000000' }),
      /Organization not found/,
    )
    const found = await identsphere.signedIn({ email })
    assert.equal(found.role, 'owner')
  })
})

describe('second factors and platform admins', () => {
  it('are absent without `mfa`', async () => {
    const { headers } = await identsphere.signedIn()
    assert.equal((await ask('/mfa', headers)).body.error.code, 'mfa_required')
    const { headers: no } = await identsphere.signedIn({ mfa: false })
    assert.equal((await ask('/mfa', no)).body.error.code, 'mfa_required')
  })

  it('expire with the clock after half an hour', async () => {
    const ada = await identsphere.signedIn({ mfa: true })
    assert.equal((await ask('/mfa', ada.headers, 'POST')).status, 200)

    const late = await identsphere.signedIn({ mfa: 1790 })
    assert.equal((await ask('/mfa', late.headers)).status, 200)
    identsphere.clock.advance(15)
    assert.equal((await ask('/mfa', late.headers)).body.error.code, 'mfa_required')
    assert.equal((await ask('/mfa', ada.headers)).status, 200)
  })

  it('pass the admin guard only together', async () => {
    const admin = await identsphere.signedIn({ platformAdmin: true, mfa: true })
    assert.equal((await ask('/platform', admin.headers)).status, 200)
    const single = await identsphere.signedIn({ platformAdmin: true })
    assert.equal((await ask('/platform', single.headers)).body.error.code, 'mfa_required')
    const other = await identsphere.signedIn({ mfa: true })
    assert.equal((await ask('/platform', other.headers)).body.error.code, 'forbidden')
  })

  it('leave `emailVerified` to its own option', async () => {
    const email = 'verified@example.com'
    const verified = async (as: object) =>
      (await ask('/auth', (await identsphere.signedIn(as)).headers)).body.emailVerified
    assert.equal(await verified({ email }), false)
    assert.equal(await verified({ email, emailVerified: true }), true)
    assert.equal(await verified({ email }), true)
    assert.equal(await verified({ email, emailVerified: false }), false)
  })
})

describe('an invalid option', () => {
  it('is rejected if misspelled', async () => {
    await assert.rejects(identsphere.signedIn({ rolle: 'admin' } as never), /no option rolle/)
  })

  it('is rejected if it joins no organization', async () => {
    await assert.rejects(identsphere.signedIn({ organizationId: null }), /must not be null/)
  })

  for (const mfa of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    it(`is rejected if its second factor is ${mfa} s old`, async () => {
      await assert.rejects(identsphere.signedIn({ mfa }), RangeError)
    })
  }
})
