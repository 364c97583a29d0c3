import type { ClientData } from './client-data.js'
import { Refusal } from './refusal.js'

/** The page that asked was not in a frame of another site's, where a person cannot see whom they answer. */
export function assertTopLevel({ crossOrigin, topOrigin }: ClientData): void {
  if (crossOrigin === true || topOrigin !== undefined) throw new Refusal('the page was in a frame of another origin')
}
