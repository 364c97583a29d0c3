import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { password, type signUp, startApp, type TestApp } from '../../support/app.js'
import { challenged, enrol } from '../../support/mfa.js'
import { newPerson, verifiedPerson } from '../../support/people.js'
import { nameOf, routesOf } from '../../support/routes.js'

let app: TestApp
before(async () => {
  app = await startApp({
    mfa: { requiredFor: ['admin'] },
    routes: (express, identsphere) => {
      express.get('/plain', identsphere.requireAuth(), (_req, res) => void res.json({}))
      express.get('/open', identsphere.optionalAuth(), (_req, res) => void res.json({}))
      express.get('/asked', async (req, res) => {
        const auth = await identsphere.authenticate(req).catch((error: { code: string }) => error.code)
        res.json({ auth: typeof auth === 'string' ? auth : 'found' })
      })
    },
  })
})
after(() => app.close())

type Person = Awaited<ReturnType<typeof signUp>>
const requireMfa = (organizationId: string, required = true) =>
  app.identsphere.api.organizations.requireMfa({ organizationId, required })
const become = (person: Person, role: string) =>
  app.sql('UPDATE identsphere.organization_memberships SET role = $1 WHERE user_id = $2', [role, person.userId])

async function assertDenied({ client }: Pick<Person, 'client'>, enrolled = false): Promise<void> {
  for (const path of ['/plain', '/open']) {
    const { status, body } = await client.get(path)
    assert.equal(status, 401, path)
    assert.equal(body.error.code, 'mfa_required', path)
    assert.equal(body.error.details.enrolled, enrolled)
  }
  assert.equal((await client.get('/asked')).body.auth, 'mfa_required')
}

describe('an organization that requires a second factor', () => {
  it('stops sessions without one at every guard, until the requirement ends', async () => {
    const person = await verifiedPerson(app)
    assert.equal((await person.client.get('/plain')).status, 200)
    await requireMfa(person.organizationId)
    await assertDenied(person)
    await requireMfa(person.organizationId, false)
    assert.equal((await person.client.get('/plain')).status, 200)
  })

  it('lets a member who enrolls continue in the same session', async () => {
    const person = await verifiedPerson(app)
    await requireMfa(person.organizationId)
    const { client, email, code } = await enrol(app, person)
    assert.equal((await client.get('/plain')).status, 200)
    assert.equal((await client.get('/asked')).body.auth, 'found')
    app.clock.advance(30)
    const browser = app.client()
    const mfaToken = await challenged(app, email, browser)
    assert.equal((await browser.post('/v1/auth/mfa/challenge', { mfa_token: mfaToken, code: code() })).status, 200)
    assert.equal((await browser.get('/plain')).status, 200)
  })

  it('tells a session from a recovery code that a factor exists', async () => {
    const person = await enrol(app)
    await requireMfa(person.organizationId)
    const client = app.client()
    await client.post('/v1/auth/mfa/challenge', {
      mfa_token: await challenged(app, person.email),
      recovery_code: person.recoveryCodes[0],
    })
    await assertDenied({ client }, true)
  })

  it('accepts no verification time in the future or of infinity', async () => {
    const person = await verifiedPerson(app)
    await requireMfa(person.organizationId)
    for (const value of [`now() + interval '1 day'`, `'infinity'`]) {
      await app.sql(`UPDATE identsphere.user_sessions SET mfa_verified_at = ${value} WHERE user_id = $1`, [
        person.userId,
      ])
      await assertDenied(person)
    }
  })

  it('leaves other organizations and users without one alone', async () => {
    const strict = await verifiedPerson(app)
    const other = await verifiedPerson(app)
    await requireMfa(strict.organizationId)
    assert.equal((await other.client.get('/plain')).status, 200)
    await app.sql('DELETE FROM identsphere.organization_memberships WHERE user_id = $1', [strict.userId])
    assert.equal((await strict.client.get('/plain')).status, 200)
  })

  it('ends an open connection at its next recheck', async () => {
    const person = await verifiedPerson(app)
    const headers = new Headers({ cookie: person.client.cookieHeader(`${app.mount}/`) })
    const auth = await app.identsphere.authenticate(headers, { method: 'GET' })
    assert.ok(auth)
    assert.ok(await app.identsphere.recheck(auth))
    await requireMfa(person.organizationId)
    assert.equal(await app.identsphere.recheck(auth), null)
  })

  it('keeps only the routes for enrollment reachable', async () => {
    const remaining = [
      'DELETE /v1/users/me/sessions',
      'DELETE /v1/users/me/sessions/:id',
      'GET /v1/auth/mfa/status',
      'GET /v1/auth/session',
      'GET /v1/users/me',
      'GET /v1/users/me/passkeys',
      'GET /v1/users/me/sessions',
      'POST /v1/auth/email/verify',
      'POST /v1/auth/email/verify/request',
      'POST /v1/auth/mfa/enable',
      'POST /v1/auth/mfa/recovery-codes',
      'POST /v1/auth/mfa/setup',
      'POST /v1/auth/mfa/verify',
      'POST /v1/auth/mfa/verify/passkey/begin',
      'POST /v1/auth/mfa/verify/passkey/complete',
      'POST /v1/auth/reauthenticate',
      'POST /v1/auth/reauthenticate/code',
      'POST /v1/users/me/passkeys/register/begin',
      'POST /v1/users/me/passkeys/register/complete',
    ]
    const person = await verifiedPerson(app)
    await requireMfa(person.organizationId)
    const open: string[] = []
    for (const route of routesOf(app).filter(({ auth }) => auth !== 'none')) {
      const path = route.path.replace(/:\w+/g, 'x')
      const { body } = await person.client.send(route.method, path, route.method === 'GET' ? {} : { body: { x: 1 } })
      const details = body?.error?.details
      // A route that changes factors would answer the same if a factor were enrolled.
      if (body?.error?.code !== 'mfa_required' || details.enrolled !== false) open.push(nameOf(route))
    }
    assert.deepEqual(open.sort(), remaining)
  })

  it('records the change and rejects unknown organizations', async () => {
    const person = await newPerson(app)
    await requireMfa(person.organizationId)
    const rows = await app.sql(
      `SELECT metadata FROM identsphere.audit_logs WHERE action = 'organizations.updated' AND organization_id = $1`,
      [person.organizationId],
    )
    assert.deepEqual(rows, [{ metadata: { require_mfa: true } }])
    await assert.rejects(requireMfa(person.userId), { code: 'not_found' })
  })

  it('keeps its other settings when the requirement changes', async () => {
    const { organizationId } = await newPerson(app)
    await app.sql(`UPDATE identsphere.organizations SET settings = '{"theme":"dark"}' WHERE id = $1`, [organizationId])
    await requireMfa(organizationId)
    const [{ settings }] = await app.sql('SELECT settings FROM identsphere.organizations WHERE id = $1', [
      organizationId,
    ])
    assert.deepEqual(settings, { theme: 'dark', require_mfa: true })
  })
})

describe('a role that requires a second factor', () => {
  it('stops its sessions without one, but not those of other roles', async () => {
    const person = await verifiedPerson(app)
    assert.equal((await person.client.get('/plain')).status, 200)
    await become(person, 'admin')
    await assertDenied(person)
    await become(person, 'viewer')
    assert.equal((await person.client.get('/plain')).status, 200)
  })

  it('accepts an impersonator, who has already verified a factor', async () => {
    const person = await verifiedPerson(app)
    const admin = await verifiedPerson(app)
    await become(person, 'admin')
    await app.sql('UPDATE identsphere.user_sessions SET impersonator_id = $1 WHERE user_id = $2', [
      admin.userId,
      person.userId,
    ])
    assert.equal((await person.client.get('/plain')).status, 200)
  })

  it('still signs in with the password alone, so that the user can enroll', async () => {
    const person = await verifiedPerson(app)
    await become(person, 'admin')
    const client = app.client()
    assert.equal((await client.post('/v1/auth/login', { email: person.email, password })).body.status, 'success')
    await assertDenied({ client })
    assert.equal((await client.get('/v1/auth/session')).status, 200)
  })
})
