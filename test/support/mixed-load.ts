import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { password, signUp } from './app.js'
import { type Answered, createGet, type Load, startLoad, statuses } from './load.js'
import type { Service } from './service.js'

/** Milliseconds that a guard may take: its deadline of 1 s, and what a busy machine adds. */
export const guardLimitMs = 2_500
/** Milliseconds that everything else may take: 10 s for a statement, 5 s for the rollback behind it, and the same addition. */
export const otherLimitMs = 17_000

/** Requests to a guarded route, logins and reads of a profile, again and again. */
export async function startMixedLoad(service: Service, guards: number): Promise<Load> {
  const people = await Promise.all([signUp(service), signUp(service)])
  const [first, second] = people
  const cookie = { cookie: first.client.cookieHeader('/guarded') }
  return startLoad([
    ...Array.from({ length: guards }, () => ({ label: 'guarded', send: createGet(`${service.url}/guarded`, cookie) })),
    {
      label: 'login',
      send: async () => (await service.client().post('/v1/auth/login', { email: second.email, password })).status,
    },
    {
      label: 'profile',
      send: createGet(`${service.url}/v1/users/me`, { cookie: second.client.cookieHeader('/v1/users/me') }),
    },
  ])
}

/** Asserts that each of these answers was 200 or 503, that there were both, and that none took longer. */
export async function assertWithin(
  service: Service,
  answered: readonly Answered[],
  label: string,
  limitMs: number,
): Promise<void> {
  const these = answered.filter((one) => one.label === label)
  const wrong = (await service.lines()).filter((line) => line.startsWith('error Something went wrong'))
  assert.deepEqual(Object.keys(statuses(these)), ['200', '503'], `${label} ${wrong}`)
  const slowest = Math.max(...these.map((one) => one.ended - one.began))
  assert.ok(slowest < limitMs, `${label}: the slowest answer took ${slowest} ms`)
}

/** Waits until each kind of request was answered 200 again. @returns milliseconds. @throws AssertionError after 20 s */
export async function untilAnswered(load: Load, from: number): Promise<number> {
  const began = Date.now()
  const labels = new Set(load.answered.map((one) => one.label))
  for (;;) {
    const since = load.answered.slice(from).filter((one) => one.status === 200)
    if ([...labels].every((label) => since.some((one) => one.label === label))) return Date.now() - began
    if (Date.now() - began > 20_000) assert.fail(`no recovery: ${JSON.stringify(statuses(load.answered.slice(from)))}`)
    await sleep(50)
  }
}
