import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ConfigurationError } from '../../../lib/core/config/configuration-error.js'
import { IdentSphereError } from '../../../lib/core/errors.js'
import { createHashingQueue, type HashingQueue } from '../../../lib/features/passwords/hashing-queue.js'

/** A job that runs until it is told to end. */
function gate() {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, work: () => opened }
}

/** Takes the only place of a queue, so that whatever comes next waits. */
function occupy(queue: HashingQueue) {
  const { open, work } = gate()
  const ended = queue.run('occupant', work)
  return { open, ended }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof IdentSphereError && error.code === 'service_unavailable' && error.retryAfterSeconds === 1
}

test('no more than `concurrency` jobs run at once, every job runs once and answers its own result', async () => {
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

test('a flood from one network delays another by one turn at most', async () => {
  const queue = createHashingQueue({ concurrency: 1 })
  const { open, ended } = occupy(queue)
  const served: string[] = []
  const serve = (network: string) => queue.run(network, async () => void served.push(network))
  const jobs = [...Array.from({ length: 60 }, () => serve('flood')), serve('late'), serve('later'), serve('late')]
  open()
  await Promise.all([ended, ...jobs])
  assert.deepEqual(served.slice(0, 6), ['flood', 'late', 'later', 'flood', 'late', 'flood'])
})

test('between two turns of a waiting network, every other network has one turn at most', async () => {
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

test('a network that waited before waits and is served again', async () => {
  const queue = createHashingQueue({ concurrency: 1, perNetworkLimit: 1 })
  for (let round = 0; round < 3; round += 1) {
    const { open, ended } = occupy(queue)
    const jobs = [queue.run('a', async () => round), queue.run('b', async () => round)]
    open()
    await ended
    assert.deepEqual(await Promise.all(jobs), [round, round])
  }
})

test('jobs of one network run in the order they came', async () => {
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

test('past the bound of its network a job is denied at once, and other networks still get in', async () => {
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

test('past the bound of all networks together a job is denied at once, so that waiting memory is bounded', async () => {
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

test('a job that fails hands on its error and its place', async () => {
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

test('closing lets running work end, denies waiting work and whatever comes after', async () => {
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

test('closing an idle queue ends at once', async () => {
  await createHashingQueue().close()
})

test('a bound that would stop all work is refused by name', () => {
  for (const name of ['concurrency', 'perNetworkLimit', 'totalLimit']) {
    for (const value of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(
        () => createHashingQueue({ [name]: value }),
        (error) => error instanceof ConfigurationError && error.setting === `passwords.hashing.${name}`,
      )
    }
  }
})

test('a full queue has room for a newcomer: the longest line gives up its newest job', async () => {
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
