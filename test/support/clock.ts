import { createMovableClock, type MovableClock } from '../../lib/testing/clock.js'

/** A clock that tests move, and that remembers what it was asked to wait for. */
export interface TestClock extends MovableClock {
  /** Milliseconds that somebody asked to wait, in order. */
  readonly waits: number[]
}

export function testClock(): TestClock {
  const waits: number[] = []
  return {
    ...createMovableClock(),
    async wait(milliseconds) {
      waits.push(milliseconds)
    },
    waits,
  }
}
