import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ConfigurationError } from '../../../lib/core/config/configuration-error.js'
import { IdentSphereError } from '../../../lib/core/errors.js'
import { createHashingQueue, type HashingQueue } from '../../../lib/features/passwords/hashing-queue.js'

/** A job that runs until it is released. */
function gate() {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, work: () => opened }
}

/** Occupies the only slot of a queue, so that later jobs wait. */
function occupy(queue: HashingQueue) {
  const { open, work } = gate()
  const ended = queue.run('occupant', work)
  return { open, ended }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof IdentSphereError && error.code === 'service_unavailable' && error.retryAfterSeconds === 1
}

test('runs at most `concurrency` jobs at a time, each once', async () => {
  const queue = createHashingQueue({ concurrency: 3, perNetworkLimit: 1000, totalLimit: 1000 })
  let running = 0
  let most = 0
  const results = await Promise.all(
    Array.from({ length: 1000 }, (_, index) =>
      queue.run(`network ${index % 17}`, async () => {
        running += 1
        most = Math.max(most, running)
        await Promise.resolve()
        running -= 1
        return index
      }),
    ),
  )
  assert.equal(most, 3)
  assert.deepEqual(
    results,
    Array.from({ length: 1000 }, (_, index) => index),
  )
  assert.equal(queue.depth, 0)
})

test('delays another network by one turn at most during a flood', async () => {
  const queue = createHashingQueue({ concurrency: 1 })
  const { open, ended } = occupy(queue)
  const served: string[] = []
  const serve = (network: string) => queue.run(network, async () => void served.push(network))
  const jobs = [...Array.from({ length: 60 }, () => serve('flood')), serve('late'), serve('later'), serve('late')]
  open()
  await Promise.all([ended, ...jobs])
  assert.deepEqual(served.slice(0, 6), ['flood', 'late', 'later', 'flood', 'late', 'flood'])
})

test('gives every other network one turn at most between two turns', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 60 }), async (arrivals) => {
      const queue = createHashingQueue({ concurrency: 1 })
      const { open, ended } = occupy(queue)
      const served: string[] = []
      const jobs = arrivals.map((network) => queue.run(network, async () => void served.push(network)))
      open()
      await Promise.all([ended, ...jobs])
      assert.deepEqual(served.toSorted(), arrivals.toSorted())
      for (const network of new Set(served)) {
        const mine = served.flatMap((each, at) => (each === network ? [at] : []))
        mine.forEach((at, turn) => {
          const between = served.slice((mine[turn - 1] ?? -1) + 1, at)
          assert.equal(new Set(between).size, between.length, `${network} waited for ${between}`)
        })
      }
    }),
  )
})

test('serves a network again after it has waited before', async () => {
  const queue = createHashingQueue({ concurrency: 1, perNetworkLimit: 1 })
  for (let round = 0; round < 3; round += 1) {
    const { open, ended } = occupy(queue)
    const jobs = [queue.run('a', async () => round), queue.run('b', async () => round)]
    open()
    await ended
    assert.deepEqual(await Promise.all(jobs), [round, round])
  }
})

test('runs the jobs of one network in order of arrival', async () => {
  const queue = createHashingQueue({ concurrency: 1 })
  const { open, ended } = occupy(queue)
  const served: number[] = []
  const jobs = Array.from({ length: 50 }, (_, index) => queue.run('one', async () => void served.push(index)))
  open()
  await Promise.all([ended, ...jobs])
  assert.deepEqual(
    served,
    Array.from({ length: 50 }, (_, index) => index),
  )
})

test('rejects jobs beyond the limit of a network, but accepts other networks', async () => {
  const queue = createHashingQueue({ concurrency: 1, perNetworkLimit: 5 })
  const { open, ended } = occupy(queue)
  const waiting = Array.from({ length: 5 }, () => queue.run('flood', async () => 'done'))
  let ran = false
  await assert.rejects(
    queue.run('flood', async () => {
      ran = true
    }),
    isUnavailable,
  )
  const other = queue.run('other', async () => 'done')
  assert.equal(queue.depth, 6)
  open()
  await ended
  assert.deepEqual(await Promise.all([...waiting, other]), Array(6).fill('done'))
  assert.equal(ran, false)
  assert.equal(await queue.run('flood', async () => 'again'), 'again')
})

test('rejects jobs beyond the total limit, so that waiting memory is bounded', async () => {
  const queue = createHashingQueue({ concurrency: 2, perNetworkLimit: 64, totalLimit: 256 })
  const gates = [occupy(queue), occupy(queue)]
  const outcomes = Promise.allSettled(
    Array.from({ length: 10_000 }, (_, index) => queue.run(`network ${index}`, async () => index)),
  )
  assert.equal(queue.depth, 256)
  for (const { open } of gates) open()
  const settled = await outcomes
  assert.equal(settled.filter(({ status }) => status === 'fulfilled').length, 256)
  assert.ok(settled.every((outcome) => outcome.status === 'fulfilled' || isUnavailable(outcome.reason)))
  assert.equal(queue.depth, 0)
})

test('passes on the error of a failed job and frees its slot', async () => {
  const queue = createHashingQueue({ concurrency: 1 })
  const failure = new Error('failed')
  const outcomes = await Promise.allSettled([
    queue.run('a', () => Promise.reject(failure)),
    queue.run('a', () => {
      throw failure
    }),
    queue.run('a', async () => 'after'),
  ])
  assert.deepEqual(outcomes, [
    { status: 'rejected', reason: failure },
    { status: 'rejected', reason: failure },
    { status: 'fulfilled', value: 'after' },
  ])
})

test('finishes running jobs when it closes, and rejects waiting and later ones', async () => {
  const queue = createHashingQueue({ concurrency: 2 })
  const events: string[] = []
  const { open, work } = gate()
  const last = gate()
  const running = queue.run('a', work).then(last.open)
  const lastRunning = queue.run('a', async () => {
    await last.work()
    events.push('ended')
  })
  const neverRuns = async () => void events.push('ran')
  const waiting = queue.run('a', neverRuns)
  const closed = Promise.all([queue.close(), queue.close()]).then(() => void events.push('closed'))
  await assert.rejects(waiting, isUnavailable)
  await assert.rejects(queue.run('b', neverRuns), isUnavailable)
  assert.equal(queue.depth, 0)
  assert.deepEqual(events, [])
  open()
  await Promise.all([running, lastRunning, closed])
  assert.deepEqual(events, ['ended', 'closed'])
})

test('closes without delay if it is idle', async () => {
  await createHashingQueue().close()
})

test('rejects a limit that would stop all work and names the setting', () => {
  for (const name of ['concurrency', 'perNetworkLimit', 'totalLimit']) {
    for (const value of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(
        () => createHashingQueue({ [name]: value }),
        (error) => error instanceof ConfigurationError && error.setting === `passwords.hashing.${name}`,
      )
    }
  }
})

test('drops the newest job of the longest line if full', async () => {
  const queue = createHashingQueue({ concurrency: 1, perNetworkLimit: 4, totalLimit: 8 })
  const { open, ended } = occupy(queue)
  const flood = ['a', 'b'].flatMap((network) =>
    Array.from({ length: 4 }, () => queue.run(network, async () => network)),
  )
  const outcomes = Promise.allSettled(flood)
  const newcomer = queue.run('newcomer', async () => 'served')
  assert.equal(queue.depth, 8)
  open()
  await ended
  assert.equal(await newcomer, 'served')
  const refused = (await outcomes).filter(({ status }) => status === 'rejected')
  assert.equal(refused.length, 1)
})
