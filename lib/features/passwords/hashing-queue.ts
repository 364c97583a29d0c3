import { availableParallelism } from 'node:os'
import { ConfigurationError } from '../../core/config/configuration-error.js'
import { IdentSphereError } from '../../core/errors.js'

/** Bounds of a {@link HashingQueue}; all of them counts of at least 1. */
export interface HashingQueueOptions {
  /** Jobs that run at once; the processor's parallelism when absent. libuv runs at most `UV_THREADPOOL_SIZE` of them. */
  concurrency?: number
  /** Jobs of one client network that may wait; 64 when absent. */
  perNetworkLimit?: number
  /** Jobs of all client networks together that may wait; 256 when absent. */
  totalLimit?: number
}

/** Runs password hashing at a bounded pace, fair per client network. */
export interface HashingQueue {
  /**
   * Runs `work` when its turn comes.
   *
   * @param network - what {@link clientNetwork} answered.
   * @throws IdentSphereError `service_unavailable`, at once and without running `work`, when too much waits already or
   * the queue is closed.
   */
  run<T>(network: string, work: () => Promise<T>): Promise<T>
  /** Jobs that wait; those that run do not count. */
  readonly depth: number
  /** Denies what waits and what comes, and resolves when everything that runs has ended. May be called again. */
  close(): Promise<void>
}

interface Link<T> {
  item: T
  next: Link<T> | undefined
}

/** A first-in, first-out list whose every operation takes constant time, unlike an array's `shift`. */
class Line<T> {
  #head: Link<T> | undefined
  #tail: Link<T> | undefined

  push(item: T): void {
    const node: Link<T> = { item, next: undefined }
    if (this.#tail === undefined) this.#head = node
    else this.#tail.next = node
    this.#tail = node
  }

  shift(): T | undefined {
    const node = this.#head
    if (node === undefined) return undefined
    this.#head = node.next
    if (this.#head === undefined) this.#tail = undefined
    return node.item
  }
}

interface Waiting {
  start(): void
  deny(): void
}

interface Lane {
  network: string
  /** At most `perNetworkLimit`, so an array's `shift` costs little. */
  waiting: Waiting[]
}

/**
 * Makes the queue every password hash and verification goes through. Argon2 takes tens of milliseconds and megabytes
 * on purpose, so a flood of logins must wait in line, cost bounded memory and be answered 503 past the bound.
 *
 * Client networks take turns: whoever floods waits behind itself, and delays each other network by one job at most.
 *
 * @throws ConfigurationError when a bound is not a positive integer.
 *
 * @example
 * ```ts
 * const queue = createHashingQueue()
 * const digest = await queue.run(clientNetwork(req.ip), () => hash(password))
 * ```
 */
export function createHashingQueue(options: HashingQueueOptions = {}): HashingQueue {
  const concurrency = bound('concurrency', options.concurrency ?? availableParallelism())
  const perNetworkLimit = bound('perNetworkLimit', options.perNetworkLimit ?? 64)
  const totalLimit = bound('totalLimit', options.totalLimit ?? 256)
  /** Only networks that wait have a lane, so a scan over many networks leaves nothing behind. */
  const lanes = new Map<string, Lane>()
  const turns = new Line<Lane>()
  let running = 0
  let depth = 0
  let closed = false
  let onIdle: (() => void) | undefined
  let idle: Promise<void> | undefined

  function wait(network: string, job: Waiting): void {
    let lane = lanes.get(network)
    if (lane === undefined) {
      lane = { network, waiting: [] }
      lanes.set(network, lane)
      turns.push(lane)
    }
    lane.waiting.push(job)
    depth += 1
  }

  function takeNext(): Waiting | undefined {
    const lane = turns.shift()
    const job = lane?.waiting.shift()
    if (lane === undefined || job === undefined) return undefined
    if (lane.waiting.length > 0) turns.push(lane)
    else lanes.delete(lane.network)
    depth -= 1
    return job
  }

  /** In a full queue the longest line gives up its newest job for a network that has fewer waiting. */
  function makeRoom(own: number): boolean {
    let longest: Lane | undefined
    for (const lane of lanes.values()) {
      if (lane.waiting.length > (longest?.waiting.length ?? own + 1)) longest = lane
    }
    const job = longest?.waiting.pop()
    if (job === undefined) return false
    depth -= 1
    job.deny()
    return true
  }

  async function perform<T>(work: () => Promise<T>): Promise<T> {
    running += 1
    try {
      return await work()
    } finally {
      running -= 1
      takeNext()?.start()
      if (running === 0) onIdle?.()
    }
  }

  return {
    get depth() {
      return depth
    },

    async run(network, work) {
      if (closed) throw unavailable()
      if (running < concurrency) return perform(work)
      const own = lanes.get(network)?.waiting.length ?? 0
      if (own >= perNetworkLimit) throw unavailable()
      if (depth >= totalLimit && !makeRoom(own)) throw unavailable()
      return new Promise((resolve, reject) => {
        wait(network, { start: () => resolve(perform(work)), deny: () => reject(unavailable()) })
      })
    },

    close() {
      closed = true
      for (let job = takeNext(); job !== undefined; job = takeNext()) job.deny()
      idle ??= new Promise((resolve) => {
        if (running === 0) resolve()
        else onIdle = resolve
      })
      return idle
    },
  }
}

function unavailable(): IdentSphereError {
  return new IdentSphereError('service_unavailable', { retryAfterSeconds: 1 })
}

function bound(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new ConfigurationError(
    `passwords.hashing.${name}`,
    'is not a positive integer',
    'Leave it out for the default.',
  )
}
