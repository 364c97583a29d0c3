import { setTimeout as wait } from 'node:timers/promises'
import type { Clock } from '../config/clock.js'
import type { Logger } from '../config/logger.js'
import { deadline } from '../deadline.js'
import type { Store } from '../store/store.js'
import type { KindFilter, Queue, QueueEntry } from './queue.js'

/** How entries of one queue are delivered. */
export interface DeliveryOptions {
  /** For the log, e.g. `a mail`. */
  readonly noun: string
  readonly kinds: KindFilter
  /** Deliveries that one process runs in parallel. */
  readonly parallel: number
  /** Timeout of one delivery. */
  readonly timeoutMs: number
  /** Facts for the log, e.g. the server. */
  readonly facts: Readonly<Record<string, string>>
  /** @returns false if the entry can never be delivered, e.g. because its template is unknown */
  deliver(entry: QueueEntry): Promise<boolean>
  /** Whether the receiver refused this entry permanently. */
  isFinal(error: unknown): boolean
  /** Whether the receiver itself cannot be reached. */
  isUnreachable(error: unknown): boolean
  /** The error for the log, without texts from the receiver. */
  loggable(error: unknown): Error
}

/** A claimed entry belongs to the process for so long. The process renews the claim during the delivery. */
const leaseSeconds = 60
const leaseRenewalMs = 20_000
/** Time between attempts. It doubles after each attempt. */
const firstRetrySeconds = 5
const maxRetrySeconds = 3_600
/** A process pauses for so long if it cannot reach the receiver. It doubles each time. */
const firstUnreachableMs = 1_000
const maxUnreachableMs = 60_000

/** Delivers due entries with leases and backoff, and gives up expired ones. */
export interface Delivery {
  /** Runs up to `parallel` deliveries. @returns whether there was an entry */
  round(stopped: AbortSignal): Promise<boolean>
}

/**
 * If a process dies, other processes can claim its entries after the lease. After the receiver has confirmed an entry, marking it
 * as sent is retried until the database accepts it. So the entry is not delivered twice.
 */
export function createDelivery(
  deps: { queue: Queue; store: Store; clock: Clock; logger: Logger },
  options: DeliveryOptions,
): Delivery {
  const { queue, store, clock, logger } = deps
  const { noun } = options
  let unreachableMs = firstUnreachableMs
  let unreachableUntil = 0

  /** @returns whether there was an entry */
  async function deliverOne(stopped: AbortSignal): Promise<boolean> {
    const entry = await queue.claim(store, options.kinds, leaseSeconds)
    if (entry === null) return false
    const facts = { id: entry.id, kind: entry.kind }
    if (entry.isExpired) {
      logger.warn(facts, `${noun} expired before it was sent and was given up`)
      await queue.giveUp(store, entry.id)
      return true
    }
    const renewal = setInterval(() => {
      queue.extend(store, entry.id, leaseSeconds).catch(() => {})
    }, leaseRenewalMs)
    renewal.unref()
    try {
      if (!(await deadline(options.deliver(entry), options.timeoutMs, timedOut))) {
        logger.error(facts, `${noun} cannot be delivered and was given up`)
        await queue.giveUp(store, entry.id)
        return true
      }
    } catch (error) {
      await failed(entry, error)
      return true
    } finally {
      clearInterval(renewal)
    }
    unreachableMs = firstUnreachableMs
    await markSent(entry.id, stopped)
    return true
  }

  async function failed({ id, kind, attempts }: QueueEntry, error: unknown): Promise<void> {
    const facts = { id, kind, attempts, ...options.facts, err: options.loggable(error) }
    if (options.isFinal(error)) {
      logger.warn(facts, `${noun} was refused by the receiver and was given up`)
      await queue.giveUp(store, id)
      return
    }
    if (options.isUnreachable(error)) {
      unreachableUntil = clock.now() + unreachableMs
      unreachableMs = Math.min(unreachableMs * 2, maxUnreachableMs)
    }
    const retrySeconds = Math.min(firstRetrySeconds * 2 ** Math.min(attempts - 1, 12), maxRetrySeconds)
    const isGivenUp = await queue.postpone(store, id, retrySeconds)
    logger.warn(facts, `${noun} was not sent ${isGivenUp ? 'in time and was given up' : 'and will be tried again'}`)
  }

  /** Retries until it succeeds. An entry that is not marked would be delivered again. */
  async function markSent(id: string, stopped: AbortSignal): Promise<void> {
    for (let pauseMs = 100; !stopped.aborted; pauseMs = Math.min(pauseMs * 2, 5_000)) {
      try {
        await queue.markSent(store, id)
        return
      } catch (error) {
        logger.warn({ id, err: error }, `${noun} was sent, but marking it as sent failed and will be tried again`)
        await wait(pauseMs)
      }
    }
  }

  return {
    async round(stopped) {
      if (clock.now() < unreachableUntil) return false
      // Wait for all deliveries, so that none is still running after this call.
      const outcomes = await Promise.allSettled(Array.from({ length: options.parallel }, () => deliverOne(stopped)))
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
      return outcomes.some((outcome) => outcome.status === 'fulfilled' && outcome.value)
    },
  }
}

function timedOut(): never {
  throw Object.assign(new Error(), { code: 'ETIMEDOUT' })
}
