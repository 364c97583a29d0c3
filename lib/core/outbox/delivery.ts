import { setTimeout as wait } from 'node:timers/promises'
import type { Clock } from '../config/clock.js'
import type { Logger } from '../config/logger.js'
import { deadline } from '../deadline.js'
import type { Store } from '../store/store.js'
import type { KindFilter, Queue, QueueEntry } from './queue.js'

/** How entries of one queue are delivered. */
export interface DeliveryOptions {
  /** E.g. `a mail`, for the log. */
  readonly noun: string
  readonly kinds: KindFilter
  /** Deliveries that one process makes at the same time. */
  readonly parallel: number
  /** Milliseconds for one delivery. */
  readonly timeoutMs: number
  /** Facts for the log, e.g. the server. */
  readonly facts: Readonly<Record<string, string>>
  /** @returns false if the entry cannot be delivered at all, e.g. because its template is unknown */
  deliver(entry: QueueEntry): Promise<boolean>
  /** Whether the receiver refused this entry for good. */
  isFinal(error: unknown): boolean
  /** Whether the receiver as a whole does not answer. */
  isUnreachable(error: unknown): boolean
  /** The error without text of the receiver, for the log. */
  loggable(error: unknown): Error
}

/** An entry belongs for so long to the process that claimed it. The claim is renewed during the delivery. */
const leaseSeconds = 60
const leaseRenewalMs = 20_000
/** Between attempts: doubled each time. */
const firstRetrySeconds = 5
const longestRetrySeconds = 3_600
/** For how long a process does not try a receiver that it cannot reach: doubled each time. */
const firstUnreachableMs = 1_000
const longestUnreachableMs = 60_000

/** Delivers what is due, with leases, backoff and an end. */
export interface Delivery {
  /** One delivery each in parallel. @returns whether there was an entry */
  round(stopped: AbortSignal): Promise<boolean>
}

/**
 * An entry whose process died is claimed again when its lease ends. What the receiver has confirmed is never delivered again: marking it
 * is repeated until the database has it.
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
      logger.warn(facts, `${noun} came too late to be of use and was given up`)
      await queue.giveUp(store, entry.id)
      return true
    }
    const renewal = setInterval(() => {
      queue.extend(store, entry.id, leaseSeconds).catch(() => {})
    }, leaseRenewalMs)
    renewal.unref()
    try {
      if (!(await deadline(options.deliver(entry), options.timeoutMs, timedOut))) {
        logger.error(facts, `${noun} cannot be made and was given up`)
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
    await untilMarked(entry.id, stopped)
    return true
  }

  async function failed({ id, kind, attempts }: QueueEntry, error: unknown): Promise<void> {
    const facts = { id, kind, attempts, ...options.facts, err: options.loggable(error) }
    if (options.isFinal(error)) {
      logger.warn(facts, `${noun} was refused for good`)
      await queue.giveUp(store, id)
      return
    }
    if (options.isUnreachable(error)) {
      unreachableUntil = clock.now() + unreachableMs
      unreachableMs = Math.min(unreachableMs * 2, longestUnreachableMs)
    }
    const retrySeconds = Math.min(firstRetrySeconds * 2 ** Math.min(attempts - 1, 12), longestRetrySeconds)
    const isGivenUp = await queue.postpone(store, id, retrySeconds)
    logger.warn(facts, `${noun} was not sent ${isGivenUp ? 'in time and was given up' : 'and will be tried again'}`)
  }

  /** The receiver has it. An entry that is not marked would be delivered twice. */
  async function untilMarked(id: string, stopped: AbortSignal): Promise<void> {
    for (let pauseMs = 100; !stopped.aborted; pauseMs = Math.min(pauseMs * 2, 5_000)) {
      try {
        await queue.markSent(store, id)
        return
      } catch (error) {
        logger.warn({ id, err: error }, `${noun} was sent, and the database does not take note of it yet`)
        await wait(pauseMs)
      }
    }
  }

  return {
    async round(stopped) {
      if (clock.now() < unreachableUntil) return false
      // All of them end first: a failure must not leave another delivery without a process that waits for it.
      const outcomes = await Promise.allSettled(Array.from({ length: options.parallel }, () => deliverOne(stopped)))
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
      return outcomes.some((outcome) => outcome.status === 'fulfilled' && outcome.value)
    },
  }
}

function timedOut(): never {
  throw Object.assign(new Error(), { code: 'ETIMEDOUT' })
}
