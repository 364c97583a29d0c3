import type { Tx } from '../../core/store/store.js'
import { mapped } from '../../core/store/together.js'
import type { SecondFactor, SecondFactorMethod } from '../sign-in/extension-points.js'
import type { SecurityChange } from '../users/security-change.js'
import { deleteChallenges, deletePasskeys, hasPasskey } from './repository.js'

/**
 * Passkeys as a second factor. They can complete a sign-in, and they count for changes of factors. Other sign-ins do not require
 * them, because a user who lost the only passkey would be locked out.
 */
export const passkeyFactor: SecondFactor = {
  demandsChallenge: false,
  methods: (db, userId) => mapped(hasPasskey(db, userId), (has): SecondFactorMethod[] => (has ? ['passkey'] : [])),
}

/** Removes passkeys and ceremonies as the change says. */
export async function onSecurityChange(tx: Tx, { userId, consequences, since }: SecurityChange): Promise<void> {
  if (consequences.factors !== 'keep') {
    await deletePasskeys(tx, userId, consequences.factors === 'since' ? since : null)
  }
  if (consequences.pendingEnrollments === 'delete') await deleteChallenges(tx, userId)
}
