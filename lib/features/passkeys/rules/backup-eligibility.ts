import { Refusal } from './refusal.js'

/** The backup eligibility of a passkey never changes (WebAuthn level 3 section 6.1.3). */
export function assertBackupEligibility(stored: boolean, received: boolean): void {
  if (stored !== received) throw new Refusal('the backup eligibility has changed')
}
