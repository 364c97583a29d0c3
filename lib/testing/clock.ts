import type { Clock } from '../core/config/clock.js'

/** The clock of a test instance. */
export interface TestClock {
  /** Milliseconds since the Unix epoch, for Node.js and the database. */
  now(): number
  /** Moves the clock forward. @throws RangeError if `seconds` is negative or not finite */
  advance(seconds: number): void
}

/** A {@link Clock} for tests. `wait()` resolves immediately. */
export interface MovableClock extends Clock, TestClock {
  /** Sets the clock to the current time. */
  reset(): void
}

export function createMovableClock(): MovableClock {
  let offsetSeconds = 0
  return {
    now: () => Date.now() + offsetSeconds * 1000,
    offsetSeconds: () => offsetSeconds,
    wait: () => Promise.resolve(),
    advance(seconds) {
      if (!Number.isFinite(seconds) || seconds < 0) throw new RangeError('clock.advance(): seconds must be 0 or more')
      offsetSeconds += seconds
    },
    reset() {
      offsetSeconds = 0
    },
  }
}
