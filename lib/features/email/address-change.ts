import type { Auth } from '../../core/auth.js'
import type { RequestContext } from '../../core/context.js'
import { IdentSphereError } from '../../core/errors.js'
import type { Journal } from '../../core/journal/journal.js'
import type { Outbox } from '../../core/mail/outbox.js'
import type { Store, Tx } from '../../core/store/store.js'
import type { Passwords } from '../passwords/service.js'
import type { Sessions } from '../sessions/service.js'
import type { Accounts } from '../users/service.js'
import { type AccountProof, proveAccount } from './account-proof.js'
import type { Challenges } from './challenges.js'
import type { MailLink } from './link-mails.js'
import type { Undo } from './undo.js'

interface Change {
  from: string
  to: string
}

/** Change of an address: confirmed from the new one, and told to the old one, with the way back. */
export function createAddressChange(options: {
  store: Store
  journal: Journal
  accounts: Accounts
  passwords: Passwords
  sessions: Sessions
  challenges: Challenges
  outbox: Outbox
  mailLink: MailLink
  undo: Undo
}) {
  const { store, journal, accounts, passwords, sessions, challenges, outbox, mailLink, undo } = options

  return {
    request: (auth: Auth, email: string): Promise<void> =>
      store.transaction((tx) => outbox.request(tx, 'addressChange', { userId: auth.userId, email })),

    /** In the worker. An address that is taken gets no mail, and the asker no answer. */
    async answer(tx: Tx, { userId, email }: { userId: string; email: string }): Promise<void> {
      const user = await accounts.credentialsById(tx, userId)
      if (user?.status !== 'active' || user.email === email) return
      if (!(await challenges.mayMail(tx, email)) || (await accounts.isEmailTaken(tx, email))) return
      await mailLink(tx, {
        kind: 'change',
        email,
        userId,
        securityVersion: user.security_version,
        payload: { from: user.email, to: email } satisfies Change,
      })
    },

    /**
     * Makes the new address the account's, for whoever has the link and the account. All sessions end but the one that
     * confirms. The way back goes to an old address that was proven only: one that was mistyped is a stranger's.
     *
     * @throws IdentSphereError `reauthentication_required`, `invalid_credentials`, `rate_limited`, `conflict` where the address
     * was taken meanwhile
     */
    async confirm(token: string, proof: AccountProof, context: RequestContext): Promise<void> {
      const challenge = await challenges.find(['change'], token)
      const { userId, securityVersion } = challenge
      const change = challenge.payload as Change | null
      if (userId === null || securityVersion === null || change === null)
        throw new IdentSphereError('invalid_credentials')
      const proven = await proveAccount(passwords, { userId, email: change.from }, proof, context)
      const { auth } = proof
      await store.transaction(async (tx) => {
        await challenges.consume(tx, challenge)
        await proven.settle(tx)
        const before = await accounts.credentialsById(tx, userId)
        await accounts.changeEmail(tx, { id: userId, securityVersion }, change.to)
        if (auth?.userId === userId) await sessions.followCredentialChange(tx, auth, securityVersion, 'end', context)
        else await sessions.endAll(tx, userId, 'email_changed', context)
        await challenges.voidAll(tx, userId)
        if (before?.email_verified_at) {
          const to = { userId, email: change.from }
          // Since it was asked for: a factor whose transaction began before this one, and ends after it, must go too.
          const parameters = { newEmail: change.to, ...(await undo.offer(tx, to, challenge.createdAt)) }
          await outbox.send(tx, { template: 'emailChanged', to, parameters })
        }
        await journal.record(tx, 'users.email_changed', {
          actorId: userId,
          resource: { type: 'user', id: userId },
          email: change.to,
          context,
        })
      })
    },
  }
}

export type AddressChange = ReturnType<typeof createAddressChange>
