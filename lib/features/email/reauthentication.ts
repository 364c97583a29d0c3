import type { Auth } from '../../core/auth.js'
import { sha256 } from '../../core/crypto/digest.js'
import { IdentSphereError } from '../../core/errors.js'
import type { Store } from '../../core/store/store.js'
import type { Reauthentication } from '../sign-in/extension-points.js'
import type { Users } from '../users/service.js'
import type { MailProofs } from './mail-proofs.js'

/**
 * A mailed code with which a signed-in user proves again who they are, e.g. without a password. It belongs to the session that asked for
 * it: no other session can use it up, and it signs nobody in.
 */
export function createCodeReauthentication(deps: {
  store: Store
  users: Users
  proofs: Pick<MailProofs, 'challenges' | 'mailCode'>
  /** Without it no code was ever mailed. */
  canMail: boolean
}) {
  const { store, users, canMail } = deps
  const { challenges, mailCode } = deps.proofs
  const owner = (auth: Auth) => sha256(auth.sessionId)

  return {
    /** Mails a code. Beyond the budget of the address nothing is sent, and the answer is the same. */
    async request(auth: Auth): Promise<void> {
      await store.transaction(async (tx) => {
        const user = await users.credentialsById(tx, auth.userId)
        if (user?.status !== 'active' || !(await challenges.mayMail(tx, user.email))) return
        await mailCode(tx, {
          kind: 'reauthenticate',
          email: user.email,
          userId: user.id,
          securityVersion: user.security_version,
          flowHash: owner(auth),
        })
      })
    },

    /** @throws IdentSphereError `invalid_credentials` for every cause; five tries void the code */
    async prove(auth: Auth, code: string): Promise<Reauthentication> {
      if (!canMail) throw new IdentSphereError('invalid_credentials')
      const challenge = await challenges.tryCode('reauthenticate', auth.email, code, owner(auth))
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
