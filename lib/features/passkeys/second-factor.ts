import type { Tx } from '../../core/store/store.js'
import type { SecondFactor } from '../sign-in/extension-points.js'
import type { SecurityChange } from '../users/security-change.js'
import { deleteChallenges, deletePasskeys, hasPasskey } from './repository.js'

/**
 * Passkeys as a second factor. They can complete a sign-in, and they count for changes of factors. Other sign-ins do not require
 * them, because a user who lost the only passkey would be locked out.
 */
export const passkeyFactor: SecondFactor = {
  demandsChallenge: false,
  methods: async (db, userId) => ((await hasPasskey(db, userId)) ? ['passkey'] : []),
}

/** Removes passkeys and ceremonies as the change says. */
export async function onSecurityChange(tx: Tx, { userId, consequences, since }: SecurityChange): Promise<void> {
  if (consequences.factors !== 'keep') {
    await deletePasskeys(tx, userId, consequences.factors === 'since' ? since : null)
  }
  if (consequences.pendingEnrollments === 'delete') await deleteChallenges(tx, userId)
}
