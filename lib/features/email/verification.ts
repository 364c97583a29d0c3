import type { Auth } from '../../core/auth.js'
import type { RequestContext } from '../../core/context.js'
import { IdentSphereError } from '../../core/errors.js'
import { type Contributions, extensionPoint } from '../../core/extension-point.js'
import { factsOfUser } from '../../core/journal/facts.js'
import type { Journal } from '../../core/journal/journal.js'
import type { Outbox } from '../../core/mail/outbox.js'
import type { Store, Tx } from '../../core/store/store.js'
import type { Passwords } from '../passwords/service.js'
import type { SignInResult } from '../sign-in/service.js'
import type { Users } from '../users/service.js'
import { type AccountProof, proveAccount } from './account-proof.js'
import { actions } from './actions.js'
import type { ChallengeKind, ProvenChallenge } from './challenges.js'
import type { MailProofs } from './mail-proofs.js'
import { requests } from './requests.js'

/** Another kind of link for the verification route, e.g. the link that completes a registration. */
export interface VerificationLink {
  readonly kind: ChallengeKind
  /** Consumes the link and signs the user in. @throws IdentSphereError `reauthentication_required` without a password */
  complete(challenge: ProvenChallenge, password: string | undefined, context: RequestContext): Promise<SignInResult>
}

export const verificationLinks = extensionPoint<VerificationLink>('email.verificationLinks')

/**
 * Verification of an address. The link alone is not enough, because an attacker may have registered the address of someone else. It
 * also needs a live session of the user, or the password.
 */
export function createVerification(deps: {
  store: Store
  journal: Journal
  users: Users
  passwords: Passwords
  outbox: Outbox
  proofs: MailProofs
  contributions: Contributions
}) {
  const { store, journal, users, passwords, outbox, contributions } = deps
  const { challenges, mailLink } = deps.proofs

  /** @throws IdentSphereError `invalid_credentials`, `reauthentication_required` without a session of the user or the password */
  async function confirm(challenge: ProvenChallenge, proof: AccountProof, context: RequestContext): Promise<void> {
    const { userId } = challenge
    const { email } = (challenge.payload ?? {}) as { email?: string }
    if (userId === null || email === undefined) throw new IdentSphereError('invalid_credentials')
    const proven = await proveAccount(passwords, { userId, email }, proof, context)
    await store.transaction(async (tx) => {
      await challenges.consume(tx, challenge)
      await proven.apply(tx)
      await users.markVerified(tx, userId, email)
      await journal.record(tx, actions['users.email_verified'], factsOfUser(userId, context, { email }))
    })
  }

  return {
    /** Mails a link to the address of a user. To be sent with other statements. */
    requesting: (tx: Tx, userId: string) => outbox.requesting(tx, requests.verification, { userId }),

    /** The same for a signed-in user, in its own transaction. */
    requestFor: ({ userId }: Auth): Promise<void> =>
      store.transaction((tx) => outbox.request(tx, requests.verification, { userId })),

    /** Runs in the worker. */
    async answer(tx: Tx, { userId }: { userId: string }): Promise<void> {
      const user = await users.credentialsById(tx, userId)
      if (user?.status !== 'active' || user.email_verified_at !== null) return
      if (!(await challenges.mayMail(tx, user.email))) return
      await mailLink(tx, {
        kind: 'verify',
        email: user.email,
        userId,
        securityVersion: user.security_version,
        payload: { email: user.email },
      })
    },

    /**
     * Accepts a mailed link.
     *
     * @returns the result of the sign-in, or null if the link only verifies the address
     * @throws IdentSphereError `invalid_credentials` if the link is not valid, `reauthentication_required` without a proof of the
     * account
     */
    async accept(token: string, proof: AccountProof, context: RequestContext): Promise<SignInResult | null> {
      const otherLinks = contributions(verificationLinks)
      const challenge = await challenges.find(['verify', ...otherLinks.map(({ kind }) => kind)], token)
      const otherLink = otherLinks.find(({ kind }) => kind === challenge.kind)
      if (otherLink !== undefined) return otherLink.complete(challenge, proof.password, context)
      await confirm(challenge, proof, context)
      return null
    },
  }
}

export type Verification = ReturnType<typeof createVerification>
