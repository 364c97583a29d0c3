import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Clock } from '../../../lib/core/config/clock.js'
import { ConfigurationError } from '../../../lib/core/config/configuration-error.js'
import { createFailureDelay } from '../../../lib/features/passwords/failure-delay.js'

/** A clock that moves only while it waits. */
function frozenClock(milliseconds: number): Clock & { advance(milliseconds: number): void } {
  return {
    now: () => milliseconds,
    offsetSeconds: () => 0,
    wait: async (duration) => {
      milliseconds += duration
    },
    advance: (duration) => {
      milliseconds += duration
    },
  }
}

async function released(stepMs: number, workMilliseconds: number): Promise<number> {
  const clock = frozenClock(1_700_000_000_000)
  const startedAt = clock.now()
  clock.advance(workMilliseconds)
  await createFailureDelay(stepMs)(clock, startedAt)
  return clock.now() - startedAt
}

test('releases all failures faster than one step at the same moment', async () => {
  for (const work of [0, 1, 40, 300, 499, 500]) assert.equal(await released(500, work), 500, `${work} ms`)
})

test('releases a slower failure at the next multiple of the step', async () => {
  assert.equal(await released(500, 501), 1000)
  assert.equal(await released(500, 1000), 1000)
  assert.equal(await released(500, 1250), 1500)
})

test('releases no failure early and delays none by more than one step', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 10_000 }), fc.nat(60_000), async (step, work) => {
      const duration = await released(step, work)
      assert.equal(duration % step, 0)
      assert.ok(duration >= work && duration <= work + step)
    }),
  )
})

test('delays failures by one step if the clock is set back', async () => {
  const clock = frozenClock(1_000_000)
  const waits: number[] = []
  const recording: Clock = { ...clock, wait: async (milliseconds) => void waits.push(milliseconds) }
  await createFailureDelay(500)(recording, 2_000_000)
  assert.deepEqual(waits, [500])
})

test('rejects an invalid step and names the setting', () => {
  for (const step of [0, -500, 0.5, Number.NaN, 10_001]) {
    assert.throws(
      () => createFailureDelay(step),
      (error) => error instanceof ConfigurationError && error.setting === 'passwords.failureStepMs',
    )
  }
})
