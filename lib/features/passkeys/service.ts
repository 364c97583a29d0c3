import type { Auth } from '../../core/auth.js'
import type { RequestContext } from '../../core/context.js'
import type { KeyRing } from '../../core/crypto/key-ring.js'
import { uuidv7 } from '../../core/crypto/random.js'
import { IdentSphereError } from '../../core/errors.js'
import type { Journal } from '../../core/journal/journal.js'
import type { Store } from '../../core/store/store.js'
import type { FactorChanges } from '../mfa/factor-changes.js'
import type { Sessions } from '../sessions/service.js'
import type { FreshProof } from '../sign-in/reauthentication.js'
import type { Accounts } from '../users/service.js'
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

export function createPasskeys(options: {
  store: Store
  keys: KeyRing
  journal: Journal
  accounts: Accounts
  sessions: Pick<Sessions, 'assertUnchanged'>
  factorChanges: FactorChanges
  ceremonies: Ceremonies
}) {
  const { store, keys, journal, accounts, sessions, factorChanges, ceremonies } = options

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
      journal.record(tx, 'auth.passkey.counter_regressed', {
        actorId: null,
        subjectId: passkey.user_id,
        resource: { type: 'passkey', id: passkey.id },
        status: 'failure',
        data: { user_id: passkey.user_id, stored: passkey.sign_count, received },
        context,
      }),
    )
  }

  const facts = (auth: Auth, id: string, context: RequestContext) => ({
    actorId: auth.userId,
    impersonatorId: auth.impersonatorId,
    organizationId: auth.organizationId,
    resource: { type: 'passkey', id },
    context,
  })

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
      const user = await accounts.credentialsById(store, auth.userId)
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
        await factorChanges.settle(tx, auth, { others: 'keep', shown: amrOf(made) }, context)
        await journal.record(tx, 'auth.passkey.added', facts(auth, passkey.id, context))
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
        await factorChanges.settle(tx, auth, { others: 'end', shown: null }, context)
        await journal.record(tx, 'auth.passkey.removed', facts(auth, id, context))
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
      const userId = (await accounts.credentialsByEmail(store, email))?.id ?? uuidv7()
      const known = await listPasskeys(store, userId)
      const decoys = decoyCredentials(keys, email)
      const challenge = await beginChallenge(store, { purpose: 'login', userId, boundTo: flow })
      return ceremonies.requestOptions(challenge, known.length > 0 ? known.map(described) : decoys)
    },

    proveLogin: (response: AssertionResponse, flow: string | null, context: RequestContext): Promise<ProvenPasskey> =>
      prove('login', response, flow, context),

    /** For the sign-in of somebody whose first factor was proven. @throws IdentSphereError `conflict` where this user has no passkey */
    beginAnswer: (userId: string, flow: string): Promise<RequestOptions> =>
      beginProof({ purpose: 'challenge', userId, boundTo: flow }),

    /** @throws IdentSphereError `invalid_credentials` for every cause */
    proveAnswer: (
      userId: string,
      response: AssertionResponse,
      flow: string | null,
      context: RequestContext,
    ): Promise<ProvenPasskey> => proveAsked({ purpose: 'challenge', userId, boundTo: flow }, response, context),

    /** For who is signed in. @throws IdentSphereError `conflict` where this user has no passkey */
    beginStepUp: (auth: Auth): Promise<RequestOptions> => beginProof(stepUpOf(auth)),

    proveStepUp,

    /** After a begin of a step-up. @throws IdentSphereError `invalid_credentials` for every cause */
    async proveAgain(auth: Auth, response: AssertionResponse, context: RequestContext): Promise<FreshProof> {
      await proveStepUp(auth, response, context)
      return { settle: async () => {} } // the challenge is used up already
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
