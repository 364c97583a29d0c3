import { availableParallelism } from 'node:os'
import { ConfigurationError } from '../../core/config/configuration-error.js'
import { IdentSphereError } from '../../core/errors.js'

/** Limits of a {@link HashingQueue}, each at least 1. */
export interface HashingQueueOptions {
  /** Jobs that run in parallel. Default: number of processors. libuv runs at most `UV_THREADPOOL_SIZE` of them. */
  concurrency?: number
  /** Waiting jobs of one client network. Default 64. */
  perNetworkLimit?: number
  /** Waiting jobs of all client networks. Default 256. */
  totalLimit?: number
}

/** Limits parallel password hashing, and is fair between client networks. */
export interface HashingQueue {
  /**
   * Runs `work` when it is its turn.
   *
   * @param network result of {@link clientNetwork}
   * @throws IdentSphereError `service_unavailable` without running `work`, if the queue is full or closed
   */
  run<T>(network: string, work: () => Promise<T>): Promise<T>
  /** Number of waiting jobs, without the running ones. */
  readonly depth: number
  /** Denies waiting and new jobs, and resolves after all running jobs have ended. Can be called repeatedly. */
  close(): Promise<void>
}

interface Link<T> {
  item: T
  next: Link<T> | undefined
}

/** A first-in, first-out list. All operations take constant time, unlike an array's `shift`. */
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

interface WaitingJob {
  start(): void
  deny(): void
}

interface NetworkJobs {
  network: string
  /** At most `perNetworkLimit` jobs, so an array's `shift` is cheap. */
  waiting: WaitingJob[]
}

/**
 * Makes the queue for all password hashing and verification. Argon2 takes tens of milliseconds and megabytes by design. So a
 * flood of logins must wait with bounded memory, and gets 503 beyond the limits.
 *
 * Client networks take turns. A network that floods the queue delays each other network by one job at most.
 *
 * @throws ConfigurationError if a limit is not a positive integer
 *
 * @example
 * ```ts
 * const queue = createHashingQueue()
 * const digest = await queue.run(clientNetwork(req.ip), () => hash(password))
 * ```
 */
export function createHashingQueue(options: HashingQueueOptions = {}): HashingQueue {
  const concurrency = assertLimit('concurrency', options.concurrency ?? availableParallelism())
  const perNetworkLimit = assertLimit('perNetworkLimit', options.perNetworkLimit ?? 64)
  const totalLimit = assertLimit('totalLimit', options.totalLimit ?? 256)
  /** Contains only networks with waiting jobs, so requests from many networks do not fill it permanently. */
  const networks = new Map<string, NetworkJobs>()
  const turns = new Line<NetworkJobs>()
  let running = 0
  let depth = 0
  let closed = false
  let onIdle: (() => void) | undefined
  let idle: Promise<void> | undefined

  function wait(network: string, job: WaitingJob): void {
    let jobs = networks.get(network)
    if (jobs === undefined) {
      jobs = { network, waiting: [] }
      networks.set(network, jobs)
      turns.push(jobs)
    }
    jobs.waiting.push(job)
    depth += 1
  }

  function takeNext(): WaitingJob | undefined {
    const jobs = turns.shift()
    const job = jobs?.waiting.shift()
    if (jobs === undefined || job === undefined) return undefined
    if (jobs.waiting.length > 0) turns.push(jobs)
    else networks.delete(jobs.network)
    depth -= 1
    return job
  }

  /**
   * Denies the newest job of the network with the most waiting jobs. Does nothing unless that network has at least two more
   * than `own`.
   */
  function evictJob(own: number): boolean {
    let longest: NetworkJobs | undefined
    for (const jobs of networks.values()) {
      if (jobs.waiting.length > (longest?.waiting.length ?? own + 1)) longest = jobs
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
      const own = networks.get(network)?.waiting.length ?? 0
      if (own >= perNetworkLimit) throw unavailable()
      if (depth >= totalLimit && !evictJob(own)) throw unavailable()
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

function assertLimit(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new ConfigurationError(
    `passwords.hashing.${name}`,
    'is not a positive integer',
    'Leave it out for the default.',
  )
}
