/**
 * The clock. Tests inject one that they can move. Stored times are written and compared by the database's clock plus
 * `offsetSeconds`. Only JWT, TOTP and DPoP use `now()`.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch, including the offset. */
  now(): number
  /** Seconds added to the database's clock. 0 outside tests. */
  offsetSeconds(): number
  wait(milliseconds: number): Promise<void>
}

export const systemClock: Clock = {
  now: () => Date.now(),
  offsetSeconds: () => 0,
  wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
}
