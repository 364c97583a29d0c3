import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import knexLibrary from 'knex'
import { migrateDatabase } from '../../lib/core/store/migrate.js'
import { password, signUp } from '../support/app.js'
import { createGet, type Load, startLoad, statuses } from '../support/load.js'
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
  // Longer than the outage, so that a refresh whose answer was lost can be repeated afterwards.
  service = await startService({ database: postgres.url, refreshGraceSeconds: 60 })
})

after(async () => {
  await service?.close()
  await postgres?.drop()
})

test('answers only 503 while the database is killed, then recovers by itself', async (t) => {
  const people = await Promise.all(Array.from({ length: 4 }, () => signUp(service)))
  const cookie = (index: number) => ({ cookie: people[index % 4]?.client.cookieHeader('/guarded') ?? '' })
  const ended = await signUp(service)
  const endedCookie = { cookie: ended.client.cookieHeader('/guarded') }
  assert.equal((await ended.client.post('/v1/auth/logout')).status, 204)

  const load = startLoad([
    ...Array.from({ length: 8 }, (_, index) => ({
      label: 'guarded',
      send: createGet(`${service.url}${index % 2 === 0 ? '/guarded' : '/admin'}`, cookie(index)),
    })),
    { label: 'optional', send: createGet(`${service.url}/optional`, cookie(0)) },
    { label: 'session', send: createGet(`${service.url}/v1/auth/session`, cookie(1)) },
    { label: 'signed out', send: createGet(`${service.url}/guarded`, endedCookie) },
    ...people.slice(0, 2).map(({ email }) => ({ label: 'login', send: login(email) })),
    ...(await Promise.all(
      people.slice(2).map(async ({ email }) => ({ label: 'refresh', send: await refresher(email) })),
    )),
  ])
  await enough(load, (status) => status === 200 || status === 401)

  await postgres.kill()
  const goneAt = Date.now()
  await sleep(2_500)
  const restartedAt = Date.now()
  await postgres.start()
  const upAt = Date.now()
  await enough(load, (status) => status === 200 || status === 401)
  await load.stop()

  const { answered } = load
  t.diagnostic(`all: ${JSON.stringify(statuses(answered))}`)
  const resumed = Math.max(...labels.map((label) => resumedAt(load, label, upAt))) - upAt
  t.diagnostic(`down for ${upAt - goneAt} ms, every kind of request answered again ${resumed} ms later`)
  const lines = await service.lines()
  for (const label of labels) {
    const allowed = label === 'signed out' ? [401, 503] : [200, 503]
    const found = Object.keys(statuses(answered.filter((one) => one.label === label))).map(Number)
    assert.deepEqual(found, allowed, `${label}; ${lines.filter((line) => line.startsWith('error')).slice(-3)}`)
    const whileDown = answered.filter((one) => one.label === label && one.began > goneAt && one.ended < restartedAt)
    assert.deepEqual(Object.keys(statuses(whileDown)), ['503'], `${label} while the database is down`)
  }
  assert.ok(service.isRunning())
})

const labels = ['guarded', 'optional', 'session', 'signed out', 'login', 'refresh']

function login(email: string): () => Promise<number> {
  return async () => (await service.client().post('/v1/auth/login', { email, password })).status
}

/** A native client that uses each refresh token once, and again if no answer arrived. */
async function refresher(email: string): Promise<() => Promise<number>> {
  const { refreshToken } = await signInNatively(service, email)
  const client = service.client()
  let token = refreshToken
  return async () => {
    const answer = await client.post('/v1/auth/refresh', { refresh_token: token })
    if (answer.status === 200) token = answer.body.refresh_token
    return answer.status
  }
}

/** Waits until every kind of request has had several of the wanted answers, from now on. */
async function enough(load: Load, wanted: (status: number) => boolean): Promise<void> {
  const from = load.answered.length
  const deadline = Date.now() + 30_000
  while (Date.now() < deadline) {
    const since = load.answered.slice(from)
    if (labels.every((label) => since.filter((one) => one.label === label && wanted(one.status)).length >= 3)) return
    await sleep(50)
  }
  assert.fail(`not every kind of request was answered: ${JSON.stringify(load.answered.slice(-40))}`)
}

function resumedAt(load: Load, label: string, from: number): number {
  const answer = load.answered.find((one) => one.label === label && one.ended > from && one.status !== 503)
  return answer?.ended ?? Number.POSITIVE_INFINITY
}
