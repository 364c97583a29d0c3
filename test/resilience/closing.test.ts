import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { password, signUp } from '../support/app.js'
import { createTestDatabase, type TestDatabase } from '../support/postgres.js'
import { startService } from '../support/service.js'

let database: TestDatabase

before(async () => {
  database = await createTestDatabase()
})

after(async () => {
  await database?.drop()
})

for (const { name, poolSize } of [{ name: 'a URL' }, { name: 'a Knex instance of the host', poolSize: 4 }]) {
  test(`answers pending requests on close() and lets the process end, with ${name}`, async () => {
    const service = await startService({ database: database.url, ...(poolSize === undefined ? {} : { poolSize }) })
    const people = await Promise.all(Array.from({ length: 3 }, () => signUp(service)))
    const before = await service.received()
    const underWay = people.flatMap(({ client, email }) => [
      service.client().post('/v1/auth/login', { email, password }),
      client.get('/guarded'),
    ])
    while ((await service.received()) < before + underWay.length) await sleep(5)
    const [code, ...answers] = await Promise.all([service.close(), ...underWay])
    assert.equal(code, 0)
    for (const answer of answers) assert.ok([200, 503].includes(answer.status), `${answer.status} ${answer.text}`)
  })
}

test('closes even if there was no request', async () => {
  const service = await startService({ database: database.url })
  assert.equal(await service.close(), 0)
})
