import type { RequestContext } from '../../core/context.js'
import { sha256 } from '../../core/crypto/digest.js'
import { IdentSphereError } from '../../core/errors.js'
import type { Outbox } from '../../core/mail/outbox.js'
import type { Store, Tx } from '../../core/store/store.js'
import { flowToken } from '../sign-in/flow.js'
import type { Entered, SignIn } from '../sign-in/service.js'
import type { Accounts } from '../users/service.js'
import type { Challenges, ProvenChallenge } from './challenges.js'
import type { MailCode } from './code-mails.js'
import type { MailLink } from './link-mails.js'
import type { ProveMailbox } from './takeover.js'

/** Sign-in by a mailed code or link. Neither makes an account. */
export function createEmailSignIn(options: {
  store: Store
  accounts: Accounts
  challenges: Challenges
  proveMailbox: ProveMailbox
  signIn: SignIn
  outbox: Outbox
  mailLink: MailLink
  mailCode: MailCode
}) {
  const { store, accounts, challenges, proveMailbox, signIn, outbox, mailLink, mailCode } = options

  async function enter(
    challenge: ProvenChallenge,
    how: { authMethod: string; amr: readonly string[]; trustToken: string | null },
    context: RequestContext,
  ): Promise<Entered> {
    const { userId } = challenge
    if (userId === null) throw new IdentSphereError('invalid_credentials')
    return store.transaction(async (tx) => {
      await challenges.consume(tx, challenge)
      const user = await accounts.credentialsById(tx, userId)
      if (user?.status !== 'active' || user.security_version !== challenge.securityVersion) {
        throw new IdentSphereError('invalid_credentials')
      }
      const securityVersion = await proveMailbox(tx, user, context)
      return signIn.enter(tx, { userId, securityVersion, ...how, context })
    })
  }

  return {
    /**
     * Asks for a code.
     *
     * @param present the browser's flow cookie, kept where it has one: its older codes then become void
     * @returns the flow cookie
     */
    async requestCode(email: string, present: string | null): Promise<string> {
      const token = flowToken(present)
      const flowHash = sha256(token).toString('base64url')
      await store.transaction((tx) => outbox.request(tx, 'code', { email, flowHash }))
      return token
    },

    requestLink: (email: string): Promise<void> =>
      store.transaction((tx) => outbox.request(tx, 'signInLink', { email })),

    /** In the worker. Addresses without an account get a row too, so that trying a code takes the same work. */
    async answerCode(tx: Tx, { email, flowHash }: { email: string; flowHash: string }): Promise<void> {
      if (!(await challenges.mayMail(tx, email))) return
      const found = await accounts.credentialsByEmail(tx, email)
      const user = found?.status === 'active' ? found : null
      await mailCode(tx, {
        kind: 'otp',
        email,
        userId: user?.id ?? null,
        securityVersion: user?.security_version ?? null,
        flowHash: Buffer.from(flowHash, 'base64url'),
      })
    },

    /** In the worker. */
    async answerLink(tx: Tx, { email }: { email: string }): Promise<void> {
      if (!(await challenges.mayMail(tx, email))) return
      const user = await accounts.credentialsByEmail(tx, email)
      if (user?.status !== 'active') return
      await mailLink(tx, {
        kind: 'magic',
        email,
        userId: user.id,
        securityVersion: user.security_version,
      })
    },

    /** @throws IdentSphereError `invalid_credentials` for every cause */
    async byCode(
      email: string,
      code: string,
      { flow, trust }: { flow: string | null; trust: string | null },
      context: RequestContext,
    ): Promise<Entered> {
      const challenge = await challenges.tryCode('otp', email, code, flow === null ? null : sha256(flow))
      return enter(challenge, { authMethod: 'email_otp', amr: ['otp'], trustToken: trust }, context)
    },

    /** @throws IdentSphereError `invalid_credentials` for every cause */
    async byLink(token: string, trust: string | null, context: RequestContext): Promise<Entered> {
      return enter(
        await challenges.find(['magic'], token),
        { authMethod: 'magic_link', amr: ['otp'], trustToken: trust },
        context,
      )
    },
  }
}

export type EmailSignIn = ReturnType<typeof createEmailSignIn>
