import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { password, signIn, signUp } from '../support/app.js'
import { createGet, startLoad, statuses } from '../support/load.js'
import { refreshNatively, signInNatively } from '../support/native-client.js'
import { createTestDatabase, type TestDatabase } from '../support/postgres.js'
import { type Service, startService } from '../support/service.js'

let database: TestDatabase

before(async () => {
  database = await createTestDatabase()
})

after(async () => {
  await database?.drop()
})

async function withService(poolSize: number, use: (service: Service) => Promise<void>): Promise<void> {
  const service = await startService({ database: database.url, poolSize })
  try {
    await use(service)
  } finally {
    await service.close()
  }
}

test('needs a single host connection for everything, even in parallel', async () => {
  await withService(1, async (service) => {
    const everything = async () => {
      const { client, email } = await signUp(service)
      assert.equal((await client.get('/admin')).status, 200)
      const second = await signIn(service, email)
      const native = await signInNatively(service, email)
      assert.equal((await refreshNatively(service, native.refreshToken)).status, 200)
      assert.equal((await second.post('/v1/auth/refresh')).status, 200)
      const change = { current_password: password, new_password: 'another-horse-battery-8' }
      assert.equal((await second.post('/v1/users/me/password', change)).status, 204)
      assert.equal((await client.get('/guarded')).status, 401)
      assert.equal((await second.delete('/v1/users/me/sessions')).status, 204)
      assert.equal((await second.post('/v1/auth/logout')).status, 204)
    }
    await Promise.all(Array.from({ length: 5 }, everything))
  })
})

test('keeps guards working if the host holds all connections, and answers 503 elsewhere', async () => {
  await withService(10, async (service) => {
    const { client, email } = await signUp(service)
    await service.hold(10)
    const cookie = { cookie: client.cookieHeader('/guarded') }
    const load = startLoad(
      Array.from({ length: 4 }, () => ({ label: 'guarded', send: createGet(`${service.url}/guarded`, cookie) })),
    )
    assert.equal((await service.client().post('/v1/auth/login', { email, password })).status, 503)
    await load.stop()
    assert.deepEqual(Object.keys(statuses(load.answered)), ['200'])
    await service.release()
    await signIn(service, email)
  })
})
