import type { Auth } from '../../core/auth.js'
import type { Clock } from '../../core/config/clock.js'
import type { RequestContext } from '../../core/context.js'
import type { KeyRing } from '../../core/crypto/key-ring.js'
import { IdentSphereError } from '../../core/errors.js'
import { factsOf } from '../../core/journal/facts.js'
import type { Journal } from '../../core/journal/journal.js'
import { clientNetwork } from '../../core/net/client-network.js'
import {
  type Budget,
  clearBudgets,
  clearingBudgets,
  refundBudgets,
  spendBudget,
  spendBudgets,
} from '../../core/store/budgets.js'
import type { Store, Tx } from '../../core/store/store.js'
import { type Query, sendTogether } from '../../core/store/together.js'
import type { Sessions } from '../sessions/service.js'
import type { SignIn, SignInResult } from '../sign-in/service.js'
import { justChanged } from '../users/security-change.js'
import type { UserCredentials, Users } from '../users/service.js'
import { actions } from './actions.js'
import { accountTotals, auditBudget, passwordBudgets, type Source } from './budgets.js'
import type { PasswordHasher, PasswordVerification } from './hasher.js'
import type { PasswordPolicy } from './password-policy.js'
import type { PasswordOwner } from './rules/rule.js'

/** A user whose password was right. */
export interface ProvenPassword {
  user: UserCredentials
  /** Writes what follows from the success: clears the budgets and replaces an old hash. */
  apply(tx: Tx): Promise<void>
}

/** A password that was right for an address. */
export interface ProvenLogin extends ProvenPassword {
  /** What `apply` writes, to be sent with other statements. */
  writes(tx: Tx): readonly Query<void>[]
}

/** Seconds. Longest wait that is named to a client. */
const longestRetryAfter = 3_600

export function createPasswords(deps: {
  store: Store
  clock: Clock
  keys: KeyRing
  journal: Journal
  users: Users
  sessions: Pick<Sessions, 'assertUnchanged'>
  signIn: Pick<SignIn, 'readDevice' | 'completeFirstFactor'>
  hasher: PasswordHasher
  policy: PasswordPolicy
}) {
  const { store, clock, keys, journal, users, sessions, signIn, hasher, policy } = deps

  /**
   * One attempt: budgets are spent before anything is hashed, unknown and unusable accounts cost the same work, and every
   * failure is released at the same pace.
   */
  async function attempt(
    email: string,
    user: UserCredentials | undefined,
    password: string,
    source: Source,
    context: RequestContext,
  ): Promise<ProvenLogin> {
    const startedAt = clock.now()
    const network = clientNetwork(context.ipAddress ?? undefined)
    const budgets = await spend(email, source, network)
    const usable = user?.status === 'active' ? user : undefined
    const verified = await compare(budgets, user?.password_hash ?? null, password, network)
    if (!verified.matches || usable === undefined) {
      await recordFailure(email, user, context)
      await hasher.releaseFailure(clock, startedAt)
      throw new IdentSphereError('invalid_credentials')
    }
    const upgraded = verified.needsRehash ? await upgrade(password, context) : null
    const spent = [...budgets, ...passwordBudgets(keys, email, { kind: 'network', id: network })]
    const forgotten = [...new Set([...spent.map(({ key }) => key), ...accountTotals(keys, email)])]
    const writes = (tx: Tx) => {
      const cleared = clearingBudgets(tx, forgotten)
      if (upgraded === null || usable.password_hash === null) return [cleared]
      return [cleared, users.upgradingPasswordHash(tx, usable.id, usable.password_hash, upgraded)]
    }
    return {
      user: usable,
      writes,
      async apply(tx) {
        await sendTogether(tx, { writes: writes(tx) })
      },
    }
  }

  async function compare(
    budgets: readonly Budget[],
    stored: string | null,
    password: string,
    network: string,
  ): Promise<PasswordVerification> {
    try {
      return await hasher.verify(stored, policy.normalise(password), network)
    } catch (error) {
      // Nothing was compared, so nothing was tried.
      await refundBudgets(store, budgets)
      throw error
    }
  }

  /**
   * Spends the source's budgets. A known browser that has used up its own is a stranger like any other.
   *
   * @returns what was spent
   * @throws IdentSphereError `rate_limited`
   */
  async function spend(email: string, source: Source, network: string): Promise<Budget[]> {
    const budgets = passwordBudgets(keys, email, source)
    const wait = await spendBudgets(store, budgets)
    if (wait === null) return budgets
    if (source.kind === 'device') return spend(email, { kind: 'network', id: network }, network)
    throw new IdentSphereError('rate_limited', { retryAfterSeconds: Math.min(wait, longestRetryAfter) })
  }

  /** A better hash of a password that was right. It can wait for the next sign-in where the queue is full. */
  async function upgrade(password: string, context: RequestContext): Promise<string | null> {
    try {
      return await hashOf(password, context)
    } catch (error) {
      if (error instanceof IdentSphereError && error.code === 'service_unavailable') return null
      throw error
    }
  }

  async function recordFailure(
    email: string,
    user: UserCredentials | undefined,
    context: RequestContext,
  ): Promise<void> {
    if ((await spendBudget(store, auditBudget(keys, email))) !== null) return
    await store.transaction((tx) =>
      journal.record(tx, actions['auth.login.failed'], {
        actorId: null,
        subjectId: user?.id ?? null,
        ...(user === undefined ? {} : { resource: { type: 'user', id: user.id } }),
        status: 'failure',
        email,
        context,
      }),
    )
  }

  const hashOf = (password: string, context: RequestContext) =>
    hasher.hash(policy.normalise(password), clientNetwork(context.ipAddress ?? undefined))

  /**
   * Checks an address and its password.
   *
   * @param deviceToken what the client kept from an earlier sign-in, or null
   * @throws IdentSphereError `invalid_credentials` (one answer for every cause), `rate_limited`, `service_unavailable`
   */
  async function proveByEmail(
    email: string,
    password: string,
    deviceToken: string | null,
    context: RequestContext,
  ): Promise<ProvenLogin> {
    const user = await users.credentialsByEmail(store, email)
    const device = user === undefined ? null : signIn.readDevice(deviceToken, user.id)
    const source: Source =
      device === null
        ? { kind: 'network', id: clientNetwork(context.ipAddress ?? undefined) }
        : { kind: 'device', id: device }
    return attempt(email, user, password, source, context)
  }

  /**
   * Checks the password of a signed-in user. Throws as {@link proveByEmail} does. Its `apply` throws if the session ended or the
   * credentials changed while the password was hashed.
   */
  async function proveBySession(auth: Auth, password: string, context: RequestContext): Promise<ProvenPassword> {
    const user = await users.credentialsById(store, auth.userId)
    const source = { kind: 'session', id: auth.sessionId } as const
    const proven = await attempt(user?.email ?? auth.email, user, password, source, context)
    return {
      user: proven.user,
      async apply(tx) {
        await sessions.assertUnchanged(tx, auth.sessionId, proven.user.security_version)
        await proven.apply(tx)
      },
    }
  }

  return {
    proveByEmail,

    /**
     * Signs in with address and password, up to a second factor if there is one.
     *
     * @throws IdentSphereError `invalid_credentials` (one answer for every cause), `rate_limited`, `service_unavailable`
     */
    async signIn(
      input: { email: string; password: string; device: string | null; trustToken: string | null },
      context: RequestContext,
    ): Promise<SignInResult> {
      const proven = await proveByEmail(input.email, input.password, input.device, context)
      return store.transaction((tx) =>
        signIn.completeFirstFactor(tx, {
          userId: proven.user.id,
          securityVersion: proven.user.security_version,
          authMethod: 'password',
          amr: ['pwd'],
          trustToken: input.trustToken,
          writes: proven.writes(tx),
          context,
        }),
      )
    },

    proveBySession,

    /** A hash for a new password. @throws IdentSphereError `invalid_input` where the policy refuses it */
    async hashNew(
      password: string,
      owner: PasswordOwner,
      context: RequestContext,
      field: 'password' | 'new_password' = 'password',
    ): Promise<string> {
      await policy.check(password, owner, field)
      return hashOf(password, context)
    },

    /**
     * Checks the password of a registration that is not an account yet, at the pace of any other. Its budget is the link's:
     * strangers who guess at the address must not keep its owner from registering.
     *
     * @throws IdentSphereError `invalid_credentials`, `rate_limited`, `service_unavailable`
     */
    async assertMatches(
      registration: { id: string; email: string; passwordHash: string },
      password: string,
      context: RequestContext,
    ): Promise<void> {
      const startedAt = clock.now()
      const { id, email, passwordHash } = registration
      const network = clientNetwork(context.ipAddress ?? undefined)
      const budgets = await spend(email, { kind: 'link', id }, network)
      const { matches } = await compare(budgets, passwordHash, password, network)
      if (!matches) {
        await hasher.releaseFailure(clock, startedAt)
        throw new IdentSphereError('invalid_credentials')
      }
      await refundBudgets(store, budgets)
    },

    /** After a proof that outweighs all guesses so far: failures from networks and sessions count from nothing. */
    forgetFailures: (tx: Tx, email: string): Promise<void> => clearBudgets(tx, accountTotals(keys, email)),

    /** The same as `forgetFailures`, to be sent with other statements. */
    forgettingFailures: (tx: Tx, email: string): Query<void> => clearingBudgets(tx, accountTotals(keys, email)),

    /** Changes the password of the person who is signed in and, unless told otherwise, ends all other sessions. */
    async change(
      auth: Auth,
      input: { currentPassword: string; newPassword: string; signOutOthers: boolean },
      context: RequestContext,
    ): Promise<void> {
      const owner = { email: auth.email, displayName: auth.displayName }
      // Before the current password is tried: a refused new one must not cost an attempt.
      await policy.check(input.newPassword, owner, 'new_password')
      const proven = await proveBySession(auth, input.currentPassword, context)
      const { user } = proven
      const passwordHash = await hashOf(input.newPassword, context)
      await store.transaction(async (tx) => {
        await proven.apply(tx)
        const version = await users.changeSecurity(tx, 'passwordChanged', {
          userId: user.id,
          session: auth,
          expectedVersion: user.security_version,
          update: { passwordHash },
          keepOthers: !input.signOutOthers,
          context,
        })
        if (version === undefined) throw justChanged()
        const resource = { type: 'user', id: auth.userId }
        await journal.record(tx, actions['users.password_changed'], factsOf(auth, context, { resource }))
      })
    },

    /** The field error of an imported hash that could not be verified, or null. */
    checkImport: ({ passwordHash }: { passwordHash?: string }) =>
      passwordHash === undefined || hasher.canVerify(passwordHash)
        ? null
        : { path: 'passwordHash', message: 'is not a hash that could be verified' },
  }
}

export type Passwords = ReturnType<typeof createPasswords>
