import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { signUp } from '../support/app.js'
import { createGet, startLoad, statuses } from '../support/load.js'
import { createTestDatabase, type TestDatabase } from '../support/postgres.js'
import { type Service, startService } from '../support/service.js'

/** Limits of waiting passwords, per client network and in total. */
const perNetwork = 64
const total = 256

let database: TestDatabase
let service: Service

before(async () => {
  database = await createTestDatabase()
  service = await startService({ database: database.url })
})

after(async () => {
  await service?.close()
  await database?.drop()
})

/** Sends simultaneous logins of unknown addresses, which cost the same work. */
function flood(count: number, network: (index: number) => string) {
  return Promise.all(
    Array.from({ length: count }, (_, index) =>
      service
        .client()
        .post(
          '/v1/auth/login',
          { email: `nobody-${index}@example.com`, password: 'wrong-horse-battery-7' },
          { headers: { 'x-forwarded-for': `${network(index)}.${index % 250}` } },
        ),
    ),
  )
}

/** The longest queue that health reports until `done`. */
async function deepestUntil(done: Promise<unknown>): Promise<number> {
  let ended = false
  done.finally(() => {
    ended = true
  })
  let deepest = 0
  while (!ended) {
    deepest = Math.max(deepest, (await service.client().get('/v1/health')).body.hashing_queue)
    await sleep(20)
  }
  return deepest
}

for (const { name, count, network, bound } of [
  { name: '200 simultaneous logins from one network', count: 200, network: () => '203.0.113', bound: perNetwork },
  {
    name: '400 simultaneous logins from 40 networks',
    count: 400,
    network: (index: number) => `198.51.${index % 40}`,
    bound: total,
  },
]) {
  test(`queues ${name} within a limit, answers 503 beyond it and keeps guards working`, async (t) => {
    const person = await signUp(service)
    const cookie = { cookie: person.client.cookieHeader('/guarded') }
    const memoryBefore = await service.memory()
    const load = startLoad(
      Array.from({ length: 4 }, () => ({ label: 'guarded', send: createGet(`${service.url}/guarded`, cookie) })),
    )
    const logins = flood(count, network)
    const deepest = await deepestUntil(logins)
    const answers = await logins
    await load.stop()

    const mib = (bytes: number) => Math.round(bytes / 2 ** 20)
    t.diagnostic(`logins ${JSON.stringify(statuses(answers))}, at most ${deepest} waiting`)
    t.diagnostic(`guarded ${JSON.stringify(statuses(load.answered))}`)
    t.diagnostic(`resident ${mib(memoryBefore)} MiB before, ${mib(await service.memory())} MiB after`)
    assert.deepEqual(Object.keys(statuses(answers)), ['401', '503'])
    assert.ok(deepest > 0 && deepest <= bound, `${deepest} waited`)
    for (const answer of answers.filter(({ status }) => status === 503))
      assert.equal(answer.headers['retry-after'], '1')
    assert.deepEqual(Object.keys(statuses(load.answered)), ['200'])
  })
}
