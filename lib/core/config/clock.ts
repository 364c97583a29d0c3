/**
 * Time, handed in so that tests can move it. Stored times and every comparison with one use the database's clock
 * plus `offsetSeconds`; only JWT, TOTP and DPoP use `now()`.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch, the offset included. */
  now(): number
  /** Seconds added to the database's clock; 0 outside tests. */
  offsetSeconds(): number
  /** Resolves after `milliseconds`. */
  wait(milliseconds: number): Promise<void>
}

export const systemClock: Clock = {
  now: () => Date.now(),
  offsetSeconds: () => 0,
  wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
}
