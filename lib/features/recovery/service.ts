import type { RequestContext } from '../../core/context.js'
import { IdentSphereError } from '../../core/errors.js'
import type { Journal } from '../../core/journal/journal.js'
import type { Outbox } from '../../core/mail/outbox.js'
import type { Store, Tx } from '../../core/store/store.js'
import type { Challenges } from '../email/challenges.js'
import type { MailLink } from '../email/link-mails.js'
import type { ProveMailbox } from '../email/takeover.js'
import type { Passwords } from '../passwords/service.js'
import type { Sessions } from '../sessions/service.js'
import type { Entered, SignIn } from '../sign-in/service.js'
import type { Accounts } from '../users/service.js'

/** A forgotten password: a mailed link, and with it a new one. */
export function createRecovery(options: {
  store: Store
  journal: Journal
  accounts: Accounts
  passwords: Passwords
  sessions: Sessions
  challenges: Challenges
  proveMailbox: ProveMailbox
  signIn: SignIn
  outbox: Outbox
  mailLink: MailLink
}) {
  const { store, journal, accounts, passwords, sessions, challenges, proveMailbox, signIn, outbox, mailLink } = options

  return {
    /** The same work for every address: what it leads to is decided by the worker. */
    forgot: (email: string): Promise<void> => store.transaction((tx) => outbox.request(tx, 'passwordReset', { email })),

    /** In the worker. */
    async answer(tx: Tx, { email }: { email: string }): Promise<void> {
      if (!(await challenges.mayMail(tx, email))) return
      const user = await accounts.credentialsByEmail(tx, email)
      if (user?.status !== 'active') return
      await mailLink(tx, {
        kind: 'reset',
        email,
        userId: user.id,
        securityVersion: user.security_version,
      })
    },

    /**
     * Sets a new password, ends every session, and signs in as any first factor does: up to a second one where there is one.
     *
     * @throws IdentSphereError `invalid_credentials` for a link that is not good, `invalid_input` for a password that is not;
     * the link stays good then
     */
    async reset(token: string, newPassword: string, context: RequestContext): Promise<Entered> {
      const challenge = await challenges.find(['reset'], token)
      const user = challenge.userId === null ? undefined : await accounts.credentialsById(store, challenge.userId)
      if (user?.status !== 'active' || user.security_version !== challenge.securityVersion) {
        throw new IdentSphereError('invalid_credentials')
      }
      const owner = { email: user.email, displayName: user.display_name }
      const passwordHash = await passwords.hashNew(newPassword, owner, context, 'new_password')
      return store.transaction(async (tx) => {
        await challenges.consume(tx, challenge)
        const proven = await proveMailbox(tx, user, context)
        await accounts.replacePassword(tx, { ...user, security_version: proven }, passwordHash)
        await sessions.endAll(tx, user.id, 'password_reset', context)
        await challenges.voidAll(tx, user.id)
        await passwords.forgetFailures(tx, user.email)
        const facts = { actorId: user.id, resource: { type: 'user', id: user.id }, context }
        await journal.record(tx, 'auth.password_reset.consumed', facts)
        await journal.record(tx, 'users.password_changed', facts)
        return signIn.enter(tx, {
          userId: user.id,
          securityVersion: proven + 1,
          authMethod: 'password_reset',
          amr: ['pwd'],
          context,
        })
      })
    },
  }
}

export type Recovery = ReturnType<typeof createRecovery>
