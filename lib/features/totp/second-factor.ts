import type { Tx } from '../../core/store/store.js'
import { mapped } from '../../core/store/together.js'
import type { SecondFactor, SecondFactorMethod } from '../sign-in/extension-points.js'
import type { SecurityChange } from '../users/security-change.js'
import { deleteFactors, deletePendingFactor, deleteRecoveryCodes, findEnrolled } from './repository.js'

/** TOTP and recovery codes as a second factor. An unconfirmed factor does not count. */
export const totpFactor: SecondFactor = {
  demandsChallenge: true,
  methods: (db, userId) =>
    mapped(findEnrolled(db, userId), (enrolled): SecondFactorMethod[] => {
      if (enrolled === undefined) return []
      return enrolled.hasCodes ? ['totp', 'recovery_code'] : ['totp']
    }),
}

/** Deletes factors, recovery codes and enrollments according to the consequences. */
export async function onSecurityChange(tx: Tx, { userId, consequences, since }: SecurityChange): Promise<void> {
  if (consequences.factors === 'keep') {
    if (consequences.pendingEnrollments === 'delete') await deletePendingFactor(tx, userId)
    return
  }
  const from = consequences.factors === 'since' ? since : null
  const wasRemoved = await deleteFactors(tx, userId, from)
  await deleteRecoveryCodes(tx, userId, wasRemoved ? null : from)
}
