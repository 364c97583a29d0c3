import type { ClientData } from './client-data.js'
import { Refusal } from './refusal.js'

/** The page must be on an own origin. Otherwise a phishing page could relay the ceremony. */
export function assertOwnOrigin({ origin }: ClientData, isOwnOrigin: (origin: string) => boolean): void {
  if (!isOwnOrigin(origin)) throw new Refusal(`${JSON.stringify(origin)} is not an own origin`)
}
