import type { Auth } from '../../core/auth.js'
import { sha256 } from '../../core/crypto/digest.js'
import { IdentSphereError } from '../../core/errors.js'
import type { Store } from '../../core/store/store.js'
import type { FreshProof } from '../sign-in/reauthentication.js'
import type { Accounts } from '../users/service.js'
import type { Challenges } from './challenges.js'
import type { MailCode } from './code-mails.js'

/**
 * A mailed code with which a person who is signed in proves again who they are, e.g. without a password. It belongs to the
 * session that asked for it: no other one can use it up, and it signs nobody in.
 */
export function createCodeReauthentication(options: {
  store: Store
  accounts: Accounts
  challenges: Challenges
  mailCode: MailCode
}) {
  const { store, accounts, challenges, mailCode } = options
  const owner = (auth: Auth) => sha256(auth.sessionId)

  return {
    /** Mails a code. Beyond the budget of the address nothing is sent, and nobody is told. */
    async request(auth: Auth): Promise<void> {
      await store.transaction(async (tx) => {
        const user = await accounts.credentialsById(tx, auth.userId)
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
    async prove(auth: Auth, code: string): Promise<FreshProof> {
      const challenge = await challenges.tryCode('reauthenticate', auth.email, code, owner(auth))
      return {
        async settle(tx) {
          await challenges.consume(tx, challenge)
          const user = await accounts.credentialsById(tx, auth.userId)
          if (
            user === undefined ||
            user.id !== challenge.userId ||
            user.security_version !== challenge.securityVersion
          ) {
            throw new IdentSphereError('invalid_credentials')
          }
        },
      }
    },
  }
}

export type CodeReauthentication = ReturnType<typeof createCodeReauthentication>
