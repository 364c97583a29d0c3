import type { Clock } from '../../lib/config/clock.js'

/** A clock that tests move. Waiting takes no time. */
export interface TestClock extends Clock {
  /** Moves time on by `seconds`, for the node and for the database alike. */
  advance(seconds: number): void
  /** Milliseconds that somebody asked to wait, in order. */
  readonly waits: number[]
}

export function testClock(): TestClock {
  let offset = 0
  const waits: number[] = []
  return {
    now: () => Date.now() + offset * 1000,
    offsetSeconds: () => offset,
    async wait(milliseconds) {
      waits.push(milliseconds)
    },
    advance(seconds) {
      offset += seconds
    },
    waits,
  }
}
