import type { ClientData } from './client-data.js'
import { Refusal } from './refusal.js'

/** The page that asked was one of ours, compared as a whole: a look-alike page relays what it is given. */
export function assertOwnOrigin({ origin }: ClientData, isOwnOrigin: (origin: string) => boolean): void {
  if (!isOwnOrigin(origin)) throw new Refusal(`the origin ${JSON.stringify(origin)} is not an own one`)
}
