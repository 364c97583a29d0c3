import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Clock } from '../../../lib/core/config/clock.js'
import { ConfigurationError } from '../../../lib/core/config/configuration-error.js'
import { createFailureFloor } from '../../../lib/features/passwords/failure-floor.js'

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

async function released(floor: number, workMilliseconds: number): Promise<number> {
  const clock = frozenClock(1_700_000_000_000)
  const startedAt = clock.now()
  clock.advance(workMilliseconds)
  await createFailureFloor(floor)(clock, startedAt)
  return clock.now() - startedAt
}

test('releases all failures faster than the floor at the same moment', async () => {
  for (const work of [0, 1, 40, 300, 499, 500]) assert.equal(await released(500, work), 500, `${work} ms`)
})

test('releases a slower failure at the next multiple of the floor', async () => {
  assert.equal(await released(500, 501), 1000)
  assert.equal(await released(500, 1000), 1000)
  assert.equal(await released(500, 1250), 1500)
})

test('releases no failure early and delays none by more than one floor', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 10_000 }), fc.nat(60_000), async (floor, work) => {
      const duration = await released(floor, work)
      assert.equal(duration % floor, 0)
      assert.ok(duration >= work && duration <= work + floor)
    }),
  )
})

test('delays a failure by one floor at most if the clock is set back', async () => {
  const clock = frozenClock(1_000_000)
  const waits: number[] = []
  const recording: Clock = { ...clock, wait: async (milliseconds) => void waits.push(milliseconds) }
  await createFailureFloor(500)(recording, 2_000_000)
  assert.deepEqual(waits, [500])
})

test('rejects an invalid floor and names the setting', () => {
  for (const floor of [0, -500, 0.5, Number.NaN, 10_001]) {
    assert.throws(
      () => createFailureFloor(floor),
      (error) => error instanceof ConfigurationError && error.setting === 'passwords.failureFloorMilliseconds',
    )
  }
})
