import type { Clock } from '../core/config/clock.js'

/** Time, as tests move it. */
export interface TestClock {
  /** Milliseconds since the Unix epoch, for node and database alike. */
  now(): number
  /** Moves time on by `seconds`. @throws RangeError for what is no number of seconds from 0 up */
  advance(seconds: number): void
}

/** A {@link Clock} that only tests move. Waiting takes no time. */
export interface MovableClock extends Clock, TestClock {
  /** Back to the time of day. */
  reset(): void
}

export function createMovableClock(): MovableClock {
  let offset = 0
  return {
    now: () => Date.now() + offset * 1000,
    offsetSeconds: () => offset,
    wait: () => Promise.resolve(),
    advance(seconds) {
      if (!Number.isFinite(seconds) || seconds < 0) throw new RangeError('clock.advance(): give seconds, 0 or more')
      offset += seconds
    },
    reset() {
      offset = 0
    },
  }
}
