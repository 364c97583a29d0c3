import type { Auth } from '../../core/auth.js'
import type { RequestContext } from '../../core/context.js'
import type { KeyRing } from '../../core/crypto/key-ring.js'
import { uuidv7 } from '../../core/crypto/random.js'
import { IdentSphereError } from '../../core/errors.js'
import { factsOf } from '../../core/journal/facts.js'
import type { Journal } from '../../core/journal/journal.js'
import type { Store, Tx } from '../../core/store/store.js'
import type { Mfa } from '../mfa/feature.js'
import type { Sessions } from '../sessions/service.js'
import type { Reauthentication } from '../sign-in/extension-points.js'
import type { SignInService } from '../sign-in/feature.js'
import type { SignInResult } from '../sign-in/service.js'
import type { Users } from '../users/service.js'
import { actions } from './actions.js'
import type { Ceremonies } from './ceremonies.js'
import { beginChallenge, type Purpose, useChallenge } from './challenges.js'
import { decoyCredentials } from './decoys.js'
import type { CreationOptions, CredentialDescriptor, RequestOptions } from './library.js'
import {
  deletePasskey,
  findUsablePasskey,
  insertPasskey,
  listPasskeys,
  mostPasskeys,
  moveCounter,
  type PasskeyRow,
  renamePasskey,
  type UsablePasskey,
} from './repository.js'
import type { AssertionResponse, RegistrationResponse } from './webauthn-response.js'

/** A user who has just used a passkey. */
export interface VerifiedPasskey {
  userId: string
  /** The user's security version at the time of the check. */
  securityVersion: number
  /** Authentication methods (RFC 8176). */
  amr: readonly string[]
}

/** A ceremony in which a passkey of a certain user is required. */
interface UserCeremony {
  purpose: Exclude<Purpose, 'registration' | 'login'>
  userId: string
  boundTo: string
}

export function createPasskeys(deps: {
  store: Store
  keys: KeyRing
  journal: Journal
  users: Users
  sessions: Pick<Sessions, 'assertUnchanged'>
  signIn: Pick<SignInService, 'completeFirstFactor' | 'completion'>
  mfa: Pick<Mfa, 'stepUp'>
  ceremonies: Ceremonies
}) {
  const { store, keys, journal, users, sessions, signIn, mfa, ceremonies } = deps

  /**
   * Verifies an assertion. It first consumes the challenge.
   *
   * @param boundTo flow token or session id of the request, or null
   * @throws IdentSphereError `invalid_credentials` for every cause
   */
  async function verifyResponse(
    purpose: Exclude<Purpose, 'registration'>,
    response: AssertionResponse,
    boundTo: string | null,
    context: RequestContext,
  ): Promise<VerifiedPasskey> {
    const challenge = await ceremonies.challengeOf(response)
    const userId = await useChallenge(store, challenge, purpose, boundTo)
    const passkey = await findUsablePasskey(store, response.id)
    if (passkey === undefined || (userId !== null && passkey.user_id !== userId)) {
      throw new IdentSphereError('invalid_credentials')
    }
    const assertion = await ceremonies.verifyAssertion(response, challenge, {
      userId: passkey.user_id,
      credentialId: passkey.credential_id,
      publicKey: passkey.public_key,
      backupEligible: passkey.backup_eligible,
    })
    if (!(await moveCounter(store, passkey.id, assertion))) {
      await recordRegression(passkey, assertion.signCount, context)
      throw new IdentSphereError('invalid_credentials')
    }
    return {
      userId: passkey.user_id,
      securityVersion: passkey.security_version,
      amr: amrOf({ backupEligible: passkey.backup_eligible }),
    }
  }

  /** @throws IdentSphereError `invalid_credentials` for every cause, also for a passkey of another user */
  async function verifyForUser(
    ceremony: Omit<UserCeremony, 'boundTo'> & { boundTo: string | null },
    response: AssertionResponse,
    context: RequestContext,
  ): Promise<VerifiedPasskey> {
    const verified = await verifyResponse(ceremony.purpose, response, ceremony.boundTo, context)
    if (verified.userId !== ceremony.userId) throw new IdentSphereError('invalid_credentials')
    return verified
  }

  /** @throws IdentSphereError `invalid_credentials` for every cause */
  const verifyStepUp = (auth: Auth, response: AssertionResponse, context: RequestContext): Promise<VerifiedPasskey> =>
    verifyForUser(stepUpOf(auth), response, context)

  async function beginForUser(ceremony: UserCeremony): Promise<RequestOptions> {
    const existing = await listPasskeys(store, ceremony.userId)
    if (existing.length === 0) throw new IdentSphereError('conflict', { message: 'The account has no passkey.' })
    const challenge = await beginChallenge(store, ceremony)
    return ceremonies.requestOptions(challenge, existing.map(descriptorOf))
  }

  /** The signature is valid, but the counter is too low. A copy of the authenticator may exist. */
  async function recordRegression(passkey: UsablePasskey, received: number, context: RequestContext): Promise<void> {
    await store.transaction((tx) =>
      journal.record(tx, actions['auth.passkey.counter_regressed'], {
        actorId: null,
        subjectId: passkey.user_id,
        resource: { type: 'passkey', id: passkey.id },
        status: 'failure',
        data: { user_id: passkey.user_id, stored: passkey.sign_count, received },
        context,
      }),
    )
  }

  const facts = (auth: Auth, id: string, context: RequestContext) =>
    factsOf(auth, context, { resource: { type: 'passkey', id } })

  async function changeFactors(
    tx: Tx,
    auth: Auth,
    cause: 'factorAdded' | 'factorRemoved',
    secondFactorAmr: readonly string[] | null,
    context: RequestContext,
  ): Promise<void> {
    const input = { userId: auth.userId, session: auth, ...(secondFactorAmr && { secondFactorAmr }), context }
    const version = await users.changeSecurity(tx, cause, input)
    if (version === undefined) throw new IdentSphereError('authentication_required')
  }

  return {
    list: (userId: string): Promise<PasskeyRow[]> => listPasskeys(store, userId),

    async beginRegistration(auth: Auth): Promise<CreationOptions> {
      const existing = await listPasskeys(store, auth.userId)
      const challenge = await beginChallenge(store, {
        purpose: 'registration',
        userId: auth.userId,
        boundTo: auth.sessionId,
      })
      return ceremonies.creationOptions(challenge, auth, existing.map(descriptorOf))
    },

    /**
     * Adds a passkey to the account of this session. Other sessions stay signed in, but no longer count as MFA.
     *
     * @throws IdentSphereError `invalid_credentials`, `conflict` if the passkey is already registered or the user has ten
     */
    async register(
      auth: Auth,
      response: RegistrationResponse,
      label: string | null,
      context: RequestContext,
    ): Promise<PasskeyRow> {
      const challenge = await ceremonies.challengeOf(response)
      // Read before the challenge is consumed. A later change of factors then shows in the security version.
      const user = await users.credentialsById(store, auth.userId)
      const userId = await useChallenge(store, challenge, 'registration', auth.sessionId)
      if (userId !== auth.userId || user === undefined) throw new IdentSphereError('invalid_credentials')
      const credential = await ceremonies.verifyRegistration(response, challenge)
      return store.transaction(async (tx) => {
        const passkey = await insertPasskey(tx, {
          userId,
          credentialId: credential.id,
          publicKey: credential.publicKey,
          signCount: credential.signCount,
          transports: response.response.transports ?? [],
          aaguid: credential.aaguid,
          backupEligible: credential.backupEligible,
          backedUp: credential.backedUp,
          label,
        })
        if (passkey === 'taken')
          throw new IdentSphereError('conflict', { message: 'This passkey is already registered.' })
        if (passkey === 'full') {
          throw new IdentSphereError('conflict', {
            message: `The account already has ${mostPasskeys} passkeys. Remove one first.`,
          })
        }
        await sessions.assertUnchanged(tx, auth.sessionId, user.security_version)
        await changeFactors(tx, auth, 'factorAdded', amrOf(credential), context)
        await journal.record(tx, actions['auth.passkey.added'], facts(auth, passkey.id, context))
        return passkey
      })
    },

    /** @throws IdentSphereError `not_found`, also for passkeys of other users */
    async rename(auth: Auth, id: string, label: string): Promise<PasskeyRow> {
      const row = await renamePasskey(store, auth.userId, id, label)
      if (row === undefined) throw new IdentSphereError('not_found')
      return row
    },

    /**
     * Removes a passkey. Other sessions end, and this session no longer counts as MFA.
     *
     * @throws IdentSphereError `not_found`, also for passkeys of other users, `conflict` for the last one without a password
     */
    async remove(auth: Auth, id: string, context: RequestContext): Promise<void> {
      await store.transaction(async (tx) => {
        const outcome = await deletePasskey(tx, auth.userId, id)
        if (outcome === 'none') throw new IdentSphereError('not_found')
        if (outcome === 'last') {
          throw new IdentSphereError('conflict', { message: 'Set a password or add another passkey first.' })
        }
        await changeFactors(tx, auth, 'factorRemoved', null, context)
        await journal.record(tx, actions['auth.passkey.removed'], facts(auth, id, context))
      })
    },

    /**
     * Options for a sign-in.
     *
     * @param email null if the browser offers its passkeys. For an address without passkeys, the answer contains fake
     * credentials, and does the same work.
     */
    async beginLogin(email: string | null, flow: string): Promise<RequestOptions> {
      if (email === null) {
        const challenge = await beginChallenge(store, { purpose: 'login', userId: null, boundTo: flow })
        return ceremonies.requestOptions(challenge)
      }
      // Without an account, the challenge is for a random user id. No passkey can complete it.
      const userId = (await users.credentialsByEmail(store, email))?.id ?? uuidv7()
      const existing = await listPasskeys(store, userId)
      const decoys = decoyCredentials(keys, email)
      const challenge = await beginChallenge(store, { purpose: 'login', userId, boundTo: flow })
      return ceremonies.requestOptions(challenge, existing.length > 0 ? existing.map(descriptorOf) : decoys)
    },

    /** Signs in with a passkey. It counts as MFA. @throws IdentSphereError `invalid_credentials` for every cause */
    async signIn(response: AssertionResponse, flow: string | null, context: RequestContext): Promise<SignInResult> {
      const verified = await verifyResponse('login', response, flow, context)
      return store.transaction((tx) =>
        signIn.completeFirstFactor(tx, { ...verified, authMethod: 'passkey', mfaAgeSeconds: 0, context }),
      )
    },

    /**
     * Options for a sign-in that waits for its second factor.
     *
     * @throws IdentSphereError `conflict` if the user has no passkey, `invalid_credentials`, `rate_limited`
     */
    async beginAnswer(mfaToken: string, flow: string): Promise<RequestOptions> {
      const { userId } = await signIn.completion.find(mfaToken)
      return beginForUser({ purpose: 'challenge', userId, boundTo: flow })
    },

    /** Completes a sign-in. @throws IdentSphereError `invalid_credentials` for every cause, `rate_limited` */
    async answerChallenge(
      mfaToken: string,
      response: AssertionResponse,
      flow: string | null,
      context: RequestContext,
    ): Promise<SignInResult> {
      const challenge = await signIn.completion.find(mfaToken)
      const ceremony = { purpose: 'challenge', userId: challenge.userId, boundTo: flow } as const
      const { amr } = await verifyForUser(ceremony, response, context)
      return store.transaction((tx) => signIn.completion.finish(tx, challenge, { method: 'passkey', amr }, context))
    },

    /** Options for a step-up. @throws IdentSphereError `conflict` if the user has no passkey */
    beginStepUp: (auth: Auth): Promise<RequestOptions> => beginForUser(stepUpOf(auth)),

    /** Steps up a live session. @throws IdentSphereError `invalid_credentials` for every cause */
    async verify(auth: Auth, response: AssertionResponse, context: RequestContext): Promise<void> {
      const { amr } = await verifyStepUp(auth, response, context)
      await store.transaction((tx) => mfa.stepUp.record(tx, auth, { method: 'passkey', amr }, context))
    },

    /** Reauthenticates after {@link beginStepUp}. @throws IdentSphereError `invalid_credentials` for every cause */
    async reauthenticate(auth: Auth, response: AssertionResponse, context: RequestContext): Promise<Reauthentication> {
      await verifyStepUp(auth, response, context)
      return { apply: async () => {} } // the challenge was already consumed
    },
  }
}

function stepUpOf(auth: Auth) {
  return { purpose: 'step_up', userId: auth.userId, boundTo: auth.sessionId } as const
}

function descriptorOf({ credential_id, transports }: PasskeyRow): CredentialDescriptor {
  return { id: credential_id, transports }
}

/**
 * A passkey that stays on its device is a hardware key (`hwk`). A passkey that can be backed up is a software key (`swk`). The
 * device also verifies that the user is present.
 *
 * @see RFC 8176 section 2
 */
function amrOf({ backupEligible }: { backupEligible: boolean }): readonly string[] {
  return [backupEligible ? 'swk' : 'hwk', 'user', 'mfa']
}

export type Passkeys = ReturnType<typeof createPasskeys>
