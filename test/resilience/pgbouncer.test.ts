import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { password, signIn, signUp } from '../support/app.js'
import { refreshNatively, signInNatively } from '../support/native-client.js'
import { type PgBouncer, pgBouncerVersion, startPgBouncer } from '../support/pgbouncer.js'
import { createTestDatabase, type TestDatabase } from '../support/postgres.js'
import { type Service, startService } from '../support/service.js'

const version = pgBouncerVersion()
const isMissing = version === null && !process.env.CI && 'PgBouncer is not installed'
/** Older versions lack `max_prepared_statements` and keep no prepared statements. */
const firstWithPreparedStatements = 1.21

for (const kept of [0, 100]) {
  const isTooOld = version !== null && version < firstWithPreparedStatements && kept > 0 && `PgBouncer is ${version}`
  describe(`a service behind PgBouncer that keeps ${kept} prepared statements`, {
    skip: isMissing || isTooOld,
  }, () => {
    let database: TestDatabase
    let pooler: PgBouncer
    let nodes: Service[]
    before(async () => {
      database = await createTestDatabase()
      const settings = (version ?? 0) < firstWithPreparedStatements ? [] : [`max_prepared_statements = ${kept}`]
      pooler = await startPgBouncer(database.url, settings)
      const secret = 'a-secret-that-is-long-enough-for-tests'
      nodes = await Promise.all([1, 2].map(() => startService({ database: pooler.url, secret })))
    })
    after(async () => {
      for (const node of nodes ?? []) await node.close()
      await pooler?.stop()
      await database?.drop()
    })

    async function everything(node: Service): Promise<void> {
      const { client, email } = await signUp(node)
      assert.equal((await client.get('/admin')).status, 200)
      const second = await signIn(node, email)
      const native = await signInNatively(node, email)
      assert.equal((await refreshNatively(node, native.refreshToken)).status, 200)
      assert.equal((await second.post('/v1/auth/refresh')).status, 200)
      const change = { current_password: password, new_password: 'another-horse-battery-8' }
      assert.equal((await second.post('/v1/users/me/password', change)).status, 204)
      assert.equal((await client.get('/guarded')).status, 401)
      assert.equal((await second.get('/guarded')).status, 200)
      assert.equal((await second.post('/v1/auth/logout')).status, 204)
      assert.equal((await second.get('/guarded')).status, 401)
    }

    it('signs up, signs in, refreshes and signs out in parallel at two nodes', async () => {
      await Promise.all(nodes.flatMap((node) => Array.from({ length: 6 }, () => everything(node))))
    })

    it('answers guarded requests in parallel', async () => {
      const { client } = await signUp(nodes[0] as Service)
      const answers = await Promise.all(Array.from({ length: 100 }, () => client.get('/guarded')))
      assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
    })

    it(`logs ${kept > 0 ? 'nothing' : 'once that it sends unnamed statements'}`, async () => {
      for (const node of nodes) {
        const lines = (await node.lines()).filter((line) => /^(warn|error)/.test(line))
        assert.deepEqual(
          lines.map((line) => line.includes('max_prepared_statements')),
          kept > 0 ? [] : [true],
        )
      }
    })
  })
}
