/** `identsphere.api` inside a transaction of the host's, on a Knex instance that IdentSphere knows nothing of. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import knexLibrary, { type Knex } from 'knex'
import type { EventFacts } from '../../../lib/index.js'
import { startApp, type TestApp } from '../../support/app.js'
import { newPerson } from '../../support/people.js'

let app: TestApp
let knex: Knex
const heard: EventFacts[] = []
let listener: (() => void) | undefined

before(async () => {
  app = await startApp({
    hooks: {
      onSessionRevoked(facts) {
        heard.push(facts)
        listener?.()
      },
    },
  })
  knex = knexLibrary({ client: 'pg', connection: app.databaseUrl, pool: { min: 0, max: 4 } })
})
after(async () => {
  await knex?.destroy()
  await app?.close()
})

/** What the hook hears next. */
async function nextHeard(act: () => Promise<unknown>): Promise<EventFacts[]> {
  heard.length = 0
  const called = new Promise<void>((resolve) => {
    listener = resolve
  })
  await act()
  await called
  return heard.slice()
}

const sessionIds = (facts: EventFacts[]) => facts.map(({ resource }) => resource?.id)
const isLive = async (id: string) =>
  (await app.sql('SELECT revoked_at FROM identsphere.user_sessions WHERE id = $1', [id]))[0].revoked_at === null

describe("a call inside the host's transaction", { timeout: 120_000 }, () => {
  it('is committed with it, its audit row too, and is the act of the system', async () => {
    const { userId } = await newPerson(app)
    await knex.transaction((trx) => app.identsphere.api.users.disable(userId, { trx }))
    assert.equal((await app.identsphere.api.users.get(userId))?.status, 'disabled')
    assert.deepEqual(
      await app.sql('SELECT action, actor_id, actor_type FROM identsphere.audit_logs WHERE resource_id = $1', [userId]),
      [
        { action: 'auth.register', actor_id: userId, actor_type: 'user' },
        { action: 'users.disabled', actor_id: null, actor_type: 'system' },
      ],
    )
  })

  it('is seen by later calls inside it and by nobody outside before the commit', async () => {
    const { api } = app.identsphere
    const email = 'not-yet@example.com'
    await knex.transaction(async (trx) => {
      const { user } = await api.users.import({ email }, { trx })
      assert.deepEqual(await api.users.findByEmail(email, { trx }), user)
      assert.equal(await api.users.findByEmail(email), null)
    })
    assert.notEqual(await api.users.findByEmail(email), null)
  })

  for (const [how, rollBack] of Object.entries({
    'by an error': (id: string) =>
      assert.rejects(
        knex.transaction(async (trx) => {
          await app.identsphere.api.sessions.revoke(id, { trx })
          throw new Error('never mind')
        }),
        { message: 'never mind' },
      ),
    'by hand, which Knex resolves': async (id: string) => {
      const trx = await knex.transaction()
      await app.identsphere.api.sessions.revoke(id, { trx })
      await trx.rollback()
    },
    'as a savepoint of one that is committed': (id: string) =>
      knex.transaction(async (outer) => {
        const trx = await outer.transaction()
        await app.identsphere.api.sessions.revoke(id, { trx })
        await trx.rollback()
      }),
    'by a COMMIT after a statement that failed': async (id: string) => {
      const trx = await knex.transaction()
      await app.identsphere.api.sessions.revoke(id, { trx })
      await trx.raw('SELECT 1/0').catch(() => {})
      await trx.commit()
    },
  })) {
    it(`is undone with one that is rolled back ${how}, and no hook hears of it`, async () => {
      const undone = await newPerson(app)
      const done = await newPerson(app)
      const facts = await nextHeard(async () => {
        await rollBack(undone.sessionId)
        await knex.transaction((trx) => app.identsphere.api.sessions.revoke(done.sessionId, { trx }))
      })
      assert.deepEqual(sessionIds(facts), [done.sessionId])
      assert.equal(await isLive(undone.sessionId), true)
      assert.equal((await undone.client.get('/v1/users/me')).status, 200)
      assert.equal((await done.client.get('/v1/users/me')).status, 401)
    })
  }

  it('hooks hear of it after the outermost commit, not after that of a savepoint', async () => {
    const { sessionId } = await newPerson(app)
    const facts = await nextHeard(() =>
      knex.transaction(async (outer) => {
        await outer.transaction((trx) => app.identsphere.api.sessions.revoke(sessionId, { trx }))
        await outer.raw('SELECT 1')
        assert.equal(heard.length, 0)
      }),
    )
    assert.deepEqual(sessionIds(facts), [sessionId])
  })

  it('that fails leaves nothing of itself, and the transaction as usable as before', async () => {
    const { api } = app.identsphere
    const { email } = await newPerson(app)
    await app.sql(`CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.action = 'users.imported' THEN RAISE EXCEPTION 'no'; END IF; RETURN NEW;
      END $$;
      CREATE TRIGGER refuse BEFORE INSERT ON identsphere.audit_logs FOR EACH ROW EXECUTE FUNCTION public.refuse()`)
    try {
      await knex.transaction(async (trx) => {
        await assert.rejects(api.users.import({ email: 'half@example.com' }, { trx }), { code: 'internal_error' })
        await assert.rejects(api.users.import({ email }, { trx }), { code: 'conflict' })
        assert.equal(await api.users.findByEmail('half@example.com', { trx }), null)
      })
    } finally {
      await app.sql('DROP TRIGGER refuse ON identsphere.audit_logs; DROP FUNCTION public.refuse()')
    }
    assert.equal(await api.users.findByEmail('half@example.com'), null)
  })

  it('is not run again, so a conflict of the database reaches the host with its cause', async () => {
    const { userId } = await newPerson(app)
    const trx = await knex.transaction()
    await trx.raw('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ')
    await trx.raw('SELECT 1 FROM identsphere.users')
    await app.identsphere.api.sessions.revokeAll(userId)
    await assert.rejects(app.identsphere.api.users.disable(userId, { trx }), (error: Error) => {
      assert.equal((error.cause as { code?: string }).code, '40001')
      return true
    })
    await trx.rollback()
  })

  it('what is no transaction of Knex is refused, and so is an option that does not exist', async () => {
    const { userId } = await newPerson(app)
    for (const options of [{ trx: knex }, { trx: {} }, { trx: 'yes' }, { tx: undefined }, 'trx', null]) {
      await assert.rejects(app.identsphere.api.users.disable(userId, options as never), { code: 'invalid_input' })
    }
    assert.equal((await app.identsphere.api.users.get(userId))?.status, 'active')
  })
})
