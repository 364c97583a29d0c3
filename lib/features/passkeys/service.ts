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

/** Somebody who has just used a passkey. */
export interface ProvenPasskey {
  userId: string
  /** The user's security version when the passkey was read. */
  securityVersion: number
  /** Methods used (RFC 8176). */
  amr: readonly string[]
}

/** A challenge that a passkey of this user answers, in this browser or session. */
interface AskedOf {
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
   * Checks an assertion: its challenge first, which is used up by it, then what the authenticator signed.
   *
   * @param boundTo flow token or session; null where the browser brought none
   * @throws IdentSphereError `invalid_credentials` for every cause
   */
  async function prove(
    purpose: Exclude<Purpose, 'registration'>,
    response: AssertionResponse,
    boundTo: string | null,
    context: RequestContext,
  ): Promise<ProvenPasskey> {
    const challenge = await ceremonies.challengeOf(response)
    const wanted = await useChallenge(store, challenge, purpose, boundTo)
    const passkey = await findUsablePasskey(store, response.id)
    if (passkey === undefined || (wanted !== null && passkey.user_id !== wanted)) {
      throw new IdentSphereError('invalid_credentials')
    }
    const assertion = await ceremonies.verifyAssertion(response, challenge, {
      userId: passkey.user_id,
      credentialId: passkey.credential_id,
      publicKey: passkey.public_key,
      backupEligible: passkey.backup_eligible,
    })
    if (!(await moveCounter(store, passkey.id, assertion))) {
      await recordRegress(passkey, assertion.signCount, context)
      throw new IdentSphereError('invalid_credentials')
    }
    return {
      userId: passkey.user_id,
      securityVersion: passkey.security_version,
      amr: amrOf({ backupEligible: passkey.backup_eligible }),
    }
  }

  /** @throws IdentSphereError `invalid_credentials` for every cause, somebody else's passkey included */
  async function proveAsked(
    asked: Omit<AskedOf, 'boundTo'> & { boundTo: string | null },
    response: AssertionResponse,
    context: RequestContext,
  ): Promise<ProvenPasskey> {
    const proven = await prove(asked.purpose, response, asked.boundTo, context)
    if (proven.userId !== asked.userId) throw new IdentSphereError('invalid_credentials')
    return proven
  }

  /** @throws IdentSphereError `invalid_credentials` for every cause */
  const proveStepUp = (auth: Auth, response: AssertionResponse, context: RequestContext): Promise<ProvenPasskey> =>
    proveAsked(stepUpOf(auth), response, context)

  async function beginProof(asked: AskedOf): Promise<RequestOptions> {
    const known = await listPasskeys(store, asked.userId)
    if (known.length === 0) throw new IdentSphereError('conflict', { message: 'There is no passkey.' })
    const challenge = await beginChallenge(store, asked)
    return ceremonies.requestOptions(challenge, known.map(described))
  }

  /** The signature was right and the count was not: somebody has a copy of the authenticator. */
  async function recordRegress(passkey: UsablePasskey, received: number, context: RequestContext): Promise<void> {
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
    shown: readonly string[] | null,
    context: RequestContext,
  ): Promise<void> {
    const input = { userId: auth.userId, session: auth, ...(shown && { shown }), context }
    const version = await users.changeSecurity(tx, cause, input)
    if (version === undefined) throw new IdentSphereError('authentication_required')
  }

  return {
    list: (userId: string): Promise<PasskeyRow[]> => listPasskeys(store, userId),

    async beginRegistration(auth: Auth): Promise<CreationOptions> {
      const known = await listPasskeys(store, auth.userId)
      const challenge = await beginChallenge(store, {
        purpose: 'registration',
        userId: auth.userId,
        boundTo: auth.sessionId,
      })
      return ceremonies.creationOptions(challenge, auth, known.map(described))
    },

    /**
     * Adds a passkey to the account of this session. Other sessions go on, without a second factor.
     *
     * @throws IdentSphereError `invalid_credentials`, `conflict` where it is known already or the user has ten
     */
    async register(
      auth: Auth,
      response: RegistrationResponse,
      label: string | null,
      context: RequestContext,
    ): Promise<PasskeyRow> {
      const challenge = await ceremonies.challengeOf(response)
      // Before the challenge is used: from then on no change of factors can take it away.
      const user = await users.credentialsById(store, auth.userId)
      const userId = await useChallenge(store, challenge, 'registration', auth.sessionId)
      if (userId !== auth.userId || user === undefined) throw new IdentSphereError('invalid_credentials')
      const made = await ceremonies.verifyRegistration(response, challenge)
      return store.transaction(async (tx) => {
        const passkey = await insertPasskey(tx, {
          userId,
          credentialId: made.id,
          publicKey: made.publicKey,
          signCount: made.signCount,
          transports: response.response.transports ?? [],
          aaguid: made.aaguid,
          backupEligible: made.backupEligible,
          backedUp: made.backedUp,
          label,
        })
        if (passkey === 'taken')
          throw new IdentSphereError('conflict', { message: 'This passkey is registered already.' })
        if (passkey === 'full') {
          throw new IdentSphereError('conflict', {
            message: `There are ${mostPasskeys} passkeys already. Remove one first.`,
          })
        }
        await sessions.assertUnchanged(tx, auth.sessionId, user.security_version)
        await changeFactors(tx, auth, 'factorAdded', amrOf(made), context)
        await journal.record(tx, actions['auth.passkey.added'], facts(auth, passkey.id, context))
        return passkey
      })
    },

    /** @throws IdentSphereError `not_found` also for passkeys of others */
    async rename(auth: Auth, id: string, label: string): Promise<PasskeyRow> {
      const row = await renamePasskey(store, auth.userId, id, label)
      if (row === undefined) throw new IdentSphereError('not_found')
      return row
    },

    /**
     * Removes a passkey. Other sessions end, and this one has no second factor any more.
     *
     * @throws IdentSphereError `not_found` also for passkeys of others, `conflict` for the last one where there is no password
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
     * Options for signing in.
     *
     * @param email null where the browser shows its passkeys. Addresses without one are answered with credentials that nobody
     * has, by the same work
     */
    async beginLogin(email: string | null, flow: string): Promise<RequestOptions> {
      if (email === null) {
        const challenge = await beginChallenge(store, { purpose: 'login', userId: null, boundTo: flow })
        return ceremonies.requestOptions(challenge)
      }
      // Without an account the challenge is that of a user who does not exist, so that no passkey answers it.
      const userId = (await users.credentialsByEmail(store, email))?.id ?? uuidv7()
      const known = await listPasskeys(store, userId)
      const decoys = decoyCredentials(keys, email)
      const challenge = await beginChallenge(store, { purpose: 'login', userId, boundTo: flow })
      return ceremonies.requestOptions(challenge, known.length > 0 ? known.map(described) : decoys)
    },

    /** Signs in with a passkey alone: it is a second factor too. @throws IdentSphereError `invalid_credentials` for every cause */
    async signIn(response: AssertionResponse, flow: string | null, context: RequestContext): Promise<SignInResult> {
      const proven = await prove('login', response, flow, context)
      return store.transaction((tx) =>
        signIn.completeFirstFactor(tx, { ...proven, authMethod: 'passkey', mfaAgeSeconds: 0, context }),
      )
    },

    /**
     * Options for a sign-in that waits for its second factor.
     *
     * @throws IdentSphereError `conflict` if this user has no passkey, `invalid_credentials`, `rate_limited`
     */
    async beginAnswer(mfaToken: string, flow: string): Promise<RequestOptions> {
      const { userId } = await signIn.completion.find(mfaToken)
      return beginProof({ purpose: 'challenge', userId, boundTo: flow })
    },

    /** Answers the challenge of a sign-in. @throws IdentSphereError `invalid_credentials` for every cause, `rate_limited` */
    async answerChallenge(
      mfaToken: string,
      response: AssertionResponse,
      flow: string | null,
      context: RequestContext,
    ): Promise<SignInResult> {
      const challenge = await signIn.completion.find(mfaToken)
      const asked = { purpose: 'challenge', userId: challenge.userId, boundTo: flow } as const
      const { amr } = await proveAsked(asked, response, context)
      return store.transaction((tx) => signIn.completion.finish(tx, challenge, { method: 'passkey', amr }, context))
    },

    /** Options for a step-up. @throws IdentSphereError `conflict` if this user has no passkey */
    beginStepUp: (auth: Auth): Promise<RequestOptions> => beginProof(stepUpOf(auth)),

    /** Shows the passkey in a live session. @throws IdentSphereError `invalid_credentials` for every cause */
    async verify(auth: Auth, response: AssertionResponse, context: RequestContext): Promise<void> {
      const { amr } = await proveStepUp(auth, response, context)
      await store.transaction((tx) => mfa.stepUp.record(tx, auth, { method: 'passkey', amr }, context))
    },

    /** After {@link beginStepUp}. @throws IdentSphereError `invalid_credentials` for every cause */
    async proveAgain(auth: Auth, response: AssertionResponse, context: RequestContext): Promise<Reauthentication> {
      await proveStepUp(auth, response, context)
      return { apply: async () => {} } // the challenge is used up already
    },
  }
}

function stepUpOf(auth: Auth) {
  return { purpose: 'step_up', userId: auth.userId, boundTo: auth.sessionId } as const
}

function described({ credential_id, transports }: PasskeyRow): CredentialDescriptor {
  return { id: credential_id, transports }
}

/**
 * A passkey that never leaves its device is a key in hardware, one that can be backed up is a key in software; who uses it is
 * present, and verified by the device besides.
 *
 * @see RFC 8176 section 2
 */
function amrOf({ backupEligible }: { backupEligible: boolean }): readonly string[] {
  return [backupEligible ? 'swk' : 'hwk', 'user', 'mfa']
}

export type Passkeys = ReturnType<typeof createPasskeys>
