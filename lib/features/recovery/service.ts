import type { RequestContext } from '../../core/context.js'
import { IdentSphereError } from '../../core/errors.js'
import { factsOfUser } from '../../core/journal/facts.js'
import type { Journal } from '../../core/journal/journal.js'
import type { Outbox } from '../../core/mail/outbox.js'
import { mailRequest } from '../../core/mail/requests.js'
import type { Store, Tx } from '../../core/store/store.js'
import type { MailProofs } from '../email/mail-proofs.js'
import { actions as passwordActions } from '../passwords/actions.js'
import type { Passwords } from '../passwords/service.js'
import type { SignIn, SignInResult } from '../sign-in/service.js'
import { justChanged } from '../users/security-change.js'
import type { Users } from '../users/service.js'
import { actions } from './actions.js'

export const passwordReset = mailRequest<{ email: string }>('passwordReset')

export function createRecovery(deps: {
  store: Store
  journal: Journal
  outbox: Outbox
  users: Users
  passwords: Pick<Passwords, 'hashNew' | 'forgetFailures'>
  signIn: Pick<SignIn, 'completeFirstFactor'>
  proofs: MailProofs
}) {
  const { store, journal, outbox, users, passwords, signIn } = deps
  const { challenges, mailLink, proveMailbox } = deps.proofs

  return {
    /** Does the same work for every address. The worker decides whether a mail is sent. */
    forgot: (email: string): Promise<void> => store.transaction((tx) => outbox.request(tx, passwordReset, { email })),

    /** Runs in the worker. */
    async answer(tx: Tx, { email }: { email: string }): Promise<void> {
      if (!(await challenges.mayMail(tx, email))) return
      const user = await users.credentialsByEmail(tx, email)
      if (user?.status !== 'active') return
      await mailLink(tx, { kind: 'reset', email, userId: user.id, securityVersion: user.security_version })
    },

    /**
     * Sets a new password, ends all sessions, and signs the user in. If the user has a second factor, the sign-in still needs it.
     *
     * @throws IdentSphereError `invalid_credentials` if the link is not valid, `invalid_input` if the password is not accepted. In
     * the second case the link stays valid.
     */
    async reset(token: string, newPassword: string, context: RequestContext): Promise<SignInResult> {
      const challenge = await challenges.find(['reset'], token)
      const user = challenge.userId === null ? undefined : await users.credentialsById(store, challenge.userId)
      if (user?.status !== 'active' || user.security_version !== challenge.securityVersion) {
        throw new IdentSphereError('invalid_credentials')
      }
      const owner = { email: user.email, displayName: user.display_name }
      const passwordHash = await passwords.hashNew(newPassword, owner, context, 'new_password')
      return store.transaction(async (tx) => {
        await challenges.consume(tx, challenge)
        const provenVersion = await proveMailbox(tx, user, context)
        const securityVersion = await users.changeSecurity(tx, 'passwordReset', {
          userId: user.id,
          expectedVersion: provenVersion,
          update: { passwordHash },
          context,
        })
        if (securityVersion === undefined) throw justChanged()
        await passwords.forgetFailures(tx, user.email)
        const facts = factsOfUser(user.id, context)
        await journal.record(tx, actions['auth.password_reset.consumed'], facts)
        await journal.record(tx, passwordActions['users.password_changed'], facts)
        return signIn.completeFirstFactor(tx, {
          userId: user.id,
          securityVersion,
          authMethod: 'password_reset',
          amr: ['pwd'],
          context,
        })
      })
    },
  }
}

export type Recovery = ReturnType<typeof createRecovery>
