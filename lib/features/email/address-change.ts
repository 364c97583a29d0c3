import type { Auth } from '../../core/auth.js'
import type { RequestContext } from '../../core/context.js'
import { IdentSphereError } from '../../core/errors.js'
import { factsOf, factsOfUser } from '../../core/journal/facts.js'
import type { Journal } from '../../core/journal/journal.js'
import type { UserMailbox } from '../../core/mail/message.js'
import type { Outbox } from '../../core/mail/outbox.js'
import type { Store, Tx } from '../../core/store/store.js'
import type { Passwords } from '../passwords/service.js'
import { refusingTakenEmail, type Users } from '../users/service.js'
import { type AccountProof, proveAccount } from './account-proof.js'
import { actions } from './actions.js'
import type { MailProofs } from './mail-proofs.js'
import { requests } from './requests.js'

interface Change {
  from: string
  to: string
}

/** Change of the address: the new address confirms it, and the old address gets a notice with a link to revert it. */
export function createAddressChange(deps: {
  store: Store
  journal: Journal
  users: Users
  passwords: Passwords
  outbox: Outbox
  proofs: MailProofs
}) {
  const { store, journal, users, passwords, outbox } = deps
  const { challenges, mailLink, reverts } = deps.proofs

  /**
   * Sends a notice to the old address.
   *
   * @param since time of the request for the change. The link also removes factors that were added since then.
   */
  async function report(tx: Tx, to: UserMailbox, newEmail: string, since: Date): Promise<void> {
    const parameters = { newEmail, ...(await reverts.offer(tx, to, since)) }
    await outbox.send(tx, { template: 'emailChanged', to, parameters })
  }

  return {
    request: (auth: Auth, email: string): Promise<void> =>
      store.transaction((tx) => outbox.request(tx, requests.addressChange, { userId: auth.userId, email })),

    /** Runs in the worker. If the new address is in use, no mail is sent. */
    async answer(tx: Tx, { userId, email }: { userId: string; email: string }): Promise<void> {
      const user = await users.credentialsById(tx, userId)
      if (user?.status !== 'active' || user.email === email) return
      if (!(await challenges.mayMail(tx, email)) || (await users.isEmailTaken(tx, email))) return
      await mailLink(tx, {
        kind: 'change',
        email,
        userId,
        securityVersion: user.security_version,
        payload: { from: user.email, to: email } satisfies Change,
      })
    },

    /**
     * Changes the address, with the mailed link and a proof of the account. All other sessions end. The old address gets the link to
     * revert only if it was verified, because a mistyped address may belong to someone else.
     *
     * @throws IdentSphereError `reauthentication_required`, `invalid_credentials`, `rate_limited`, `conflict` if the address is now in
     * use
     */
    async confirm(token: string, proof: AccountProof, context: RequestContext): Promise<void> {
      const challenge = await challenges.find(['change'], token)
      const { userId, securityVersion } = challenge
      const change = challenge.payload as Change | null
      if (userId === null || securityVersion === null || change === null) {
        throw new IdentSphereError('invalid_credentials')
      }
      const proven = await proveAccount(passwords, { userId, email: change.from }, proof, context)
      const session = proof.auth?.userId === userId ? proof.auth : null
      await store.transaction(async (tx) => {
        await challenges.consume(tx, challenge)
        await proven.apply(tx)
        const before = await users.credentialsById(tx, userId)
        const version = await refusingTakenEmail(() =>
          users.changeSecurity(tx, 'emailChanged', {
            userId,
            ...(session && { session }),
            expectedVersion: securityVersion,
            update: { email: change.to, isEmailProven: true },
            context,
          }),
        )
        if (version === undefined) throw new IdentSphereError('invalid_credentials')
        if (before?.email_verified_at) await report(tx, { userId, email: change.from }, change.to, challenge.createdAt)
        const facts =
          session === null
            ? factsOfUser(userId, context)
            : factsOf(session, context, { resource: { type: 'user', id: userId } })
        await journal.record(tx, actions['users.email_changed'], { ...facts, email: change.to })
      })
    },
  }
}

export type AddressChange = ReturnType<typeof createAddressChange>
