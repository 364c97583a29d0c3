import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Database } from '../../../lib/core/store/database.js'
import { createSessionCheck } from '../../../lib/features/sessions/check.js'
import { testClock } from '../../support/clock.js'

it('rejects lookups without a connection, and excess ones immediately', async () => {
  const never = { client: { acquireConnection: () => new Promise(() => {}) } }
  const check = createSessionCheck({
    database: { reserved: never } as unknown as Database,
    clock: testClock(),
    schema: 'identsphere',
    settings: { refreshTokenSeconds: 60, sessionIdleSeconds: null },
  })
  const settled: number[] = []
  const looked = Array.from({ length: 10_001 }, (_, index) =>
    check.read(crypto.randomUUID()).finally(() => settled.push(index)),
  )
  const outcomes = await Promise.allSettled(looked)
  assert.equal(settled[0], 10_000, 'the lookup above the limit does not wait')
  for (const outcome of outcomes) {
    assert.equal(outcome.status, 'rejected')
    assert.equal((outcome.reason as { code?: string }).code, 'service_unavailable')
  }
})
