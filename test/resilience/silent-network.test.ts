/** @waits for deadlines */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { statuses } from '../support/load.js'
import { assertWithin, guardLimitMs, otherLimitMs, startMixedLoad, untilAnswered } from '../support/mixed-load.js'
import { createTestDatabase, type TestDatabase } from '../support/postgres.js'
import { type DatabaseProxy, startProxy } from '../support/proxy.js'
import { type Service, startService } from '../support/service.js'

let database: TestDatabase
let proxy: DatabaseProxy
let service: Service

before(async () => {
  database = await createTestDatabase()
  proxy = await startProxy(Number(new URL(database.url).port))
  service = await startService({ database: proxy.url(database.url) })
})

after(async () => {
  await service?.close()
  await proxy?.close()
  await database?.drop()
})

test('answers 503 within the deadline, and drops connections with late answers', async (t) => {
  const load = await startMixedLoad(service, 8)
  await sleep(500)
  proxy.swallow()
  await sleep(12_000)
  const from = load.answered.length
  proxy.resume()
  const recovery = await untilAnswered(load, from)
  await load.stop()
  t.diagnostic(`${JSON.stringify(statuses(load.answered))}, recovered in ${recovery} ms`)
  await assertWithin(service, load.answered, 'guarded', guardLimitMs)
  await assertWithin(service, load.answered, 'login', otherLimitMs)
  await assertWithin(service, load.answered, 'profile', otherLimitMs)
  assert.equal(proxy.askedAfterLateAnswer, 0)
  assert.ok(service.isRunning())
})
