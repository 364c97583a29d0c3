import type { RequestContext } from '../../core/context.js'
import { sha256 } from '../../core/crypto/digest.js'
import { IdentSphereError } from '../../core/errors.js'
import type { Outbox } from '../../core/mail/outbox.js'
import type { Store, Tx } from '../../core/store/store.js'
import { flowToken } from '../sign-in/flow.js'
import type { SignIn, SignInResult } from '../sign-in/service.js'
import type { Users } from '../users/service.js'
import type { ProvenChallenge } from './challenges.js'
import type { MailProofs } from './mail-proofs.js'
import { requests } from './requests.js'

/** Sign-in by a mailed code or link. Neither creates an account. */
export function createEmailSignIn(deps: {
  store: Store
  users: Users
  signIn: Pick<SignIn, 'completeFirstFactor'>
  outbox: Outbox
  proofs: MailProofs
}) {
  const { store, users, signIn, outbox } = deps
  const { challenges, mailLink, mailCode, proveMailbox } = deps.proofs

  async function complete(
    challenge: ProvenChallenge,
    factor: { authMethod: string; amr: readonly string[]; trustToken: string | null },
    context: RequestContext,
  ): Promise<SignInResult> {
    const { userId } = challenge
    if (userId === null) throw new IdentSphereError('invalid_credentials')
    return store.transaction(async (tx) => {
      await challenges.consume(tx, challenge)
      const user = await users.credentialsById(tx, userId)
      if (user?.status !== 'active' || user.security_version !== challenge.securityVersion) {
        throw new IdentSphereError('invalid_credentials')
      }
      const securityVersion = await proveMailbox(tx, user, context)
      return signIn.completeFirstFactor(tx, { userId, securityVersion, ...factor, context })
    })
  }

  return {
    /**
     * Requests a code. Older codes of the browser become void.
     *
     * @param present value of the browser's flow cookie, which is reused
     * @returns value of the flow cookie
     */
    async requestCode(email: string, present: string | null): Promise<string> {
      const token = flowToken(present)
      const flowHash = sha256(token).toString('base64url')
      await store.transaction((tx) => outbox.request(tx, requests.code, { email, flowHash }))
      return token
    },

    requestLink: (email: string): Promise<void> =>
      store.transaction((tx) => outbox.request(tx, requests.signInLink, { email })),

    /** Runs in the worker. An address without an account also gets a challenge, so that verifying a code takes the same work. */
    async answerCode(tx: Tx, { email, flowHash }: { email: string; flowHash: string }): Promise<void> {
      if (!(await challenges.mayMail(tx, email))) return
      const found = await users.credentialsByEmail(tx, email)
      const user = found?.status === 'active' ? found : null
      await mailCode(tx, {
        kind: 'otp',
        email,
        userId: user?.id ?? null,
        securityVersion: user?.security_version ?? null,
        flowHash: Buffer.from(flowHash, 'base64url'),
      })
    },

    /** Runs in the worker. */
    async answerLink(tx: Tx, { email }: { email: string }): Promise<void> {
      if (!(await challenges.mayMail(tx, email))) return
      const user = await users.credentialsByEmail(tx, email)
      if (user?.status !== 'active') return
      await mailLink(tx, { kind: 'magic', email, userId: user.id, securityVersion: user.security_version })
    },

    /** @throws IdentSphereError `invalid_credentials` for every cause */
    async byCode(
      email: string,
      code: string,
      { flow, trust }: { flow: string | null; trust: string | null },
      context: RequestContext,
    ): Promise<SignInResult> {
      const challenge = await challenges.tryCode('otp', email, code, flow === null ? null : sha256(flow))
      return complete(challenge, { authMethod: 'email_otp', amr: ['otp'], trustToken: trust }, context)
    },

    /** @throws IdentSphereError `invalid_credentials` for every cause */
    async byLink(token: string, trust: string | null, context: RequestContext): Promise<SignInResult> {
      const challenge = await challenges.find(['magic'], token)
      return complete(challenge, { authMethod: 'magic_link', amr: ['otp'], trustToken: trust }, context)
    },
  }
}

export type EmailSignIn = ReturnType<typeof createEmailSignIn>
