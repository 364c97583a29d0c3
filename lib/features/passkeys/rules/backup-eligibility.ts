import { Refusal } from './refusal.js'

/** Whether a passkey can leave its device is decided when it is made (WebAuthn level 3 section 6.1.3). */
export function assertBackupEligibility(stored: boolean, shown: boolean): void {
  if (stored !== shown) throw new Refusal('the backup eligibility has changed')
}
