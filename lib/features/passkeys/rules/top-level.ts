import type { ClientData } from './client-data.js'
import { Refusal } from './refusal.js'

/** The page must not be in a frame of another site, because users cannot see which site asks them. */
export function assertTopLevel({ crossOrigin, topOrigin }: ClientData): void {
  if (crossOrigin === true || topOrigin !== undefined) throw new Refusal('the page was in a frame of another origin')
}
