import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import knexLibrary from 'knex'
import type { Api } from '../../../lib/index.js'
import { startApp, type TestApp } from '../../support/app.js'
import { newPerson } from '../../support/people.js'

let app: TestApp
let organizations: Api['organizations']
before(async () => {
  app = await startApp({
    routes(express, identsphere) {
      express.get('/admin', identsphere.requireRole('admin'), (_req, res) => void res.end('ok'))
    },
  })
  organizations = app.identsphere.api.organizations
})
after(() => app?.close())

const rolesOf = async (organizationId: string) =>
  Object.fromEntries((await organizations.members(organizationId)).map(({ userId, role }) => [userId, role]))

/** An organization with an owner and a second member. */
async function couple(role: 'owner' | 'member' = 'member') {
  const { organizationId, userId: ownerId } = await newPerson(app)
  const { userId } = await newPerson(app)
  await organizations.addMember({ organizationId, userId, role })
  return { organizationId, ownerId, userId }
}

describe('api.organizations', () => {
  it('creates an organization with its owner and a slug from its name', async () => {
    const { userId: ownerId } = await newPerson(app)
    const made = await organizations.create({ name: 'Ångström & Söhne', ownerId })
    assert.equal(made.slug, 'angstrom-sohne')
    assert.deepEqual(await rolesOf(made.organizationId), { [ownerId]: 'owner' })
    await assert.rejects(organizations.create({ name: 'Other', slug: made.slug, ownerId }), { code: 'conflict' })
    await assert.rejects(organizations.create({ name: 'Other', ownerId: randomUUID() }), { code: 'not_found' })
    const [audit] = await app.sql(
      "SELECT actor_type, organization_id FROM identsphere.audit_logs WHERE action = 'organizations.created' AND resource_id = $1",
      [made.organizationId],
    )
    assert.deepEqual(audit, { actor_type: 'system', organization_id: made.organizationId })
  })

  it('lists members, and rejects an unknown organization', async () => {
    const { organizationId, ownerId, userId } = await couple()
    const members = await organizations.members(organizationId)
    assert.deepEqual(
      members.map((member) => [member.userId, member.role, member.joinedAt instanceof Date]),
      [
        [ownerId, 'owner', true],
        [userId, 'member', true],
      ],
    )
    await assert.rejects(organizations.members(randomUUID()), { code: 'not_found' })
  })

  it('applies setRole and removeMember from the next request on', async () => {
    const { client, organizationId, userId } = await newPerson(app)
    const { userId: second } = await newPerson(app)
    await organizations.addMember({ organizationId, userId: second, role: 'owner' })
    assert.equal((await client.get('/admin')).status, 200)
    await organizations.setRole({ organizationId, userId, role: 'viewer' })
    assert.equal((await client.get('/admin')).status, 403)
    await organizations.setRole({ organizationId, userId, role: 'admin' })
    assert.equal((await client.get('/admin')).status, 200)
    await organizations.removeMember({ organizationId, userId })
    assert.equal((await client.get('/admin')).status, 403)
    const events = await app.sql(
      `SELECT event FROM identsphere.webhook_events WHERE organization_id = $1 AND payload->>'user_id' = $2
       AND event LIKE 'member.%' ORDER BY id`,
      [organizationId, userId],
    )
    assert.deepEqual(
      events.map(({ event }) => event),
      ['member.role_changed', 'member.role_changed', 'member.removed'],
    )
  })

  it('rejects the removal of the last owner', async () => {
    const { organizationId, ownerId: userId } = await couple()
    await assert.rejects(organizations.setRole({ organizationId, userId, role: 'admin' }), { code: 'conflict' })
    await assert.rejects(organizations.removeMember({ organizationId, userId }), { code: 'conflict' })
    assert.equal((await rolesOf(organizationId))[userId], 'owner')
  })

  it('keeps one of two owners who leave simultaneously, in every round', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { organizationId, ownerId, userId } = await couple('owner')
      const results = await Promise.allSettled([
        organizations.removeMember({ organizationId, userId: ownerId }),
        organizations.setRole({ organizationId, userId, role: 'member' }),
      ])
      assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
      assert.equal(Object.values(await rolesOf(organizationId)).filter((role) => role === 'owner').length, 1)
    }
  })

  it('keeps one owner if host transactions still see the earlier members', async () => {
    const { organizationId, ownerId, userId } = await couple('owner')
    const knex = knexLibrary({ client: 'pg', connection: app.databaseUrl, pool: { min: 0, max: 2 } })
    try {
      const [first, second] = [await knex.transaction(), await knex.transaction()]
      for (const trx of [first, second]) {
        await trx.raw('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ')
        await trx.raw('SELECT 1 FROM identsphere.organization_memberships')
      }
      await organizations.removeMember({ organizationId, userId: ownerId }, { trx: first })
      const late = organizations.removeMember({ organizationId, userId }, { trx: second })
      const refused = assert.rejects(late, { code: 'service_unavailable' })
      await first.commit()
      await refused.finally(() => second.rollback())
    } finally {
      await knex.destroy()
    }
    assert.deepEqual(await rolesOf(organizationId), { [userId]: 'owner' })
  })

  it('adds a member once if addMember runs several times simultaneously', async () => {
    const { organizationId } = await newPerson(app)
    const { userId } = await newPerson(app)
    const results = await Promise.allSettled(
      Array.from({ length: 6 }, () => organizations.addMember({ organizationId, userId, role: 'member' })),
    )
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
    const refusals = results.filter((result) => result.status === 'rejected')
    assert.ok(refusals.every(({ reason }) => reason.code === 'conflict'))
  })

  it('rejects unknown ids with not_found', async () => {
    const { organizationId } = await newPerson(app)
    const { userId } = await newPerson(app)
    const role = 'member'
    for (const call of [
      () => organizations.addMember({ organizationId: randomUUID(), userId, role }),
      () => organizations.addMember({ organizationId, userId: randomUUID(), role }),
      () => organizations.setRole({ organizationId: randomUUID(), userId, role }),
      () => organizations.setRole({ organizationId, userId, role }),
      () => organizations.removeMember({ organizationId, userId }),
    ]) {
      await assert.rejects(call, { code: 'not_found' })
    }
  })

  it('rejects unknown roles, wrong types and unknown fields', async () => {
    const { organizationId, ownerId: userId } = await couple()
    for (const given of [
      null,
      'x',
      { organizationId, userId },
      { organizationId, userId, role: 'superadmin' },
      { organizationId, userId, role: ['owner'] },
      { organizationId: [organizationId], userId, role: 'member' },
      { organizationId, userId: { $ne: '' }, role: 'member' },
      { organizationId, userId, role: 'member', force: true },
    ] as never[]) {
      await assert.rejects(organizations.addMember(given), { code: 'invalid_input' })
      await assert.rejects(organizations.setRole(given), { code: 'invalid_input' })
    }
    for (const given of [
      { name: '', ownerId: userId },
      { name: {}, ownerId: userId },
      { name: 'x', slug: 'A B', ownerId: userId },
    ]) {
      await assert.rejects(organizations.create(given as never), { code: 'invalid_input' })
    }
    assert.deepEqual((await rolesOf(organizationId))[userId], 'owner')
  })
})
