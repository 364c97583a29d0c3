import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import knexLibrary from 'knex'
import pg from 'pg'
import { migrateDatabase } from '../../lib/core/store/migrate.js'
import { password, signIn, signUp } from '../support/app.js'
import { signInNatively } from '../support/native-client.js'
import { createOwnPostgres, type OwnPostgres } from '../support/own-postgres.js'
import { type Service, startService } from '../support/service.js'

let postgres: OwnPostgres
let service: Service

before(async () => {
  postgres = await createOwnPostgres()
  const knex = knexLibrary({ client: 'pg', connection: postgres.url })
  await migrateDatabase(knex, { schema: 'identsphere' })
  await knex.destroy()
  service = await startService({ database: postgres.url, refreshGraceSeconds: 60 })
})

after(async () => {
  await service?.close()
  await postgres?.drop()
})

test('answers 503 on a readable standby until it is promoted', async () => {
  const { client, email } = await signUp(service)
  const { refreshToken } = await signInNatively(service, email)
  await postgres.stop()
  postgres.becomeStandby()
  await postgres.start()

  const admin = new pg.Client(postgres.url)
  await admin.connect()
  try {
    const { rows } = await admin.query(
      'SELECT pg_is_in_recovery() AS standby, count(*)::int AS sessions FROM identsphere.user_sessions',
    )
    assert.deepEqual(rows, [{ standby: true, sessions: 2 }])

    // The first query on each old connection may only find that the connection is closed.
    for (let turn = 0; turn < 4; turn += 1) {
      assert.equal((await client.get('/guarded')).status, 503)
      assert.equal((await client.get('/optional')).status, 503)
      assert.equal((await client.get('/v1/auth/session')).status, 503)
      assert.equal((await service.client().post('/v1/auth/login', { email, password })).status, 503)
      assert.equal((await service.client().post('/v1/auth/refresh', { refresh_token: refreshToken })).status, 503)
      assert.equal((await service.client().get('/v1/health')).status, 503)
    }
    const second = await startService({ database: postgres.url })
    assert.equal((await second.client().get('/v1/health')).status, 503)
    assert.equal((await second.client().post('/v1/auth/login', { email, password })).status, 503)
    assert.match((await second.lines()).join('\n'), /read-only standby/)
    assert.equal(await second.close(), 0)

    await admin.query('SELECT pg_promote()')
  } finally {
    await admin.end()
  }
  await sleep(100)
  assert.equal((await client.get('/guarded')).status, 200)
  assert.equal((await service.client().post('/v1/auth/refresh', { refresh_token: refreshToken })).status, 200)
  await signIn(service, email)
})
