import type { Auth } from '../../core/auth.js'
import { sha256 } from '../../core/crypto/digest.js'
import { IdentSphereError } from '../../core/errors.js'
import type { Store } from '../../core/store/store.js'
import type { Reauthentication } from '../sign-in/extension-points.js'
import type { Users } from '../users/service.js'
import type { MailProofs } from './mail-proofs.js'

/**
 * Reauthentication with a mailed code, e.g. for users without a password. The code is bound to the session that requested it. It
 * cannot be used to sign in.
 */
export function createCodeReauthentication(deps: {
  store: Store
  users: Users
  proofs: Pick<MailProofs, 'challenges' | 'mailCode'>
  /** If false, no code was ever mailed. */
  canMail: boolean
}) {
  const { store, users, canMail } = deps
  const { challenges, mailCode } = deps.proofs
  const flowHashOf = (auth: Auth) => sha256(auth.sessionId)

  return {
    /** Mails a code. If the budget of the address is exhausted, no mail is sent, and the answer is the same. */
    async request(auth: Auth): Promise<void> {
      await store.transaction(async (tx) => {
        const user = await users.credentialsById(tx, auth.userId)
        if (user?.status !== 'active' || !(await challenges.mayMail(tx, user.email))) return
        await mailCode(tx, {
          kind: 'reauthenticate',
          email: user.email,
          userId: user.id,
          securityVersion: user.security_version,
          flowHash: flowHashOf(auth),
        })
      })
    },

    /** Five wrong tries make the code void. @throws IdentSphereError `invalid_credentials` for every cause */
    async prove(auth: Auth, code: string): Promise<Reauthentication> {
      if (!canMail) throw new IdentSphereError('invalid_credentials')
      const challenge = await challenges.tryCode('reauthenticate', auth.email, code, flowHashOf(auth))
      return {
        async apply(tx) {
          await challenges.consume(tx, challenge)
          const user = await users.credentialsById(tx, auth.userId)
          const isSame = user?.id === challenge.userId && user?.security_version === challenge.securityVersion
          if (!isSame) throw new IdentSphereError('invalid_credentials')
        },
      }
    },
  }
}

export type CodeReauthentication = ReturnType<typeof createCodeReauthentication>
