import type { SecondFactor } from '../sign-in/service.js'
import { deleteChallenges, deletePasskeys, hasPasskey } from './repository.js'

/**
 * Passkeys as sign-in sees them: they answer a challenge, and count where factors are changed. By themselves they make no
 * other sign-in ask for them, as nothing would help who has lost the only one.
 */
export const passkeyFactor: SecondFactor = {
  demandsChallenge: false,
  methods: async (db, userId) => ((await hasPasskey(db, userId)) ? ['passkey'] : []),
  removePending: deleteChallenges,
  async removeAll(tx, userId, since) {
    await deletePasskeys(tx, userId, since ?? null)
    await deleteChallenges(tx, userId)
  },
}
