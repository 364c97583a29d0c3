import type { KeyObject } from 'node:crypto'
import { constantTimeEqual, hmacSha256, sha256 } from '../../core/crypto/digest.js'
import type { KeyRing } from '../../core/crypto/key-ring.js'
import { randomDigits, randomToken, uuidv7 } from '../../core/crypto/random.js'
import { open, seal } from '../../core/crypto/sealing.js'
import { IdentSphereError } from '../../core/errors.js'
import { type Budget, spendBudget } from '../../core/store/budgets.js'
import type { Executor, Store, Tx } from '../../core/store/store.js'
import type { SecurityChange } from '../users/security-change.js'
import {
  type ChallengeKind,
  type ChallengeRow,
  type CodeKind,
  consume,
  findByToken,
  hasLiveUndo,
  insertChallenge,
  newestCode,
  tryCodeOfBrowser,
  voidChallenges,
  voidCodes,
} from './repository.js'

export type { ChallengeKind } from './repository.js'

/** Lives in seconds. */
export const lifetimes = {
  register: 86_400,
  verify: 86_400,
  reset: 3_600,
  otp: 600,
  magic: 600,
  change: 86_400,
  undo: 7 * 86_400,
  reauthenticate: 600,
} as const satisfies Record<ChallengeKind, number>

/** What a link is to prove. */
export interface LinkChallenge {
  kind: Exclude<ChallengeKind, CodeKind>
  email: string
  userId: string | null
  securityVersion: number | null
  /** Kept sealed until the link is used. */
  payload?: object
  /** The moment that it goes back to, of a way back. Default: now. */
  createdAt?: Date
}

/** What a code is to prove. */
export interface CodeChallenge {
  kind: CodeKind
  email: string
  /** Null for an address without an account: then everything is as with one, but nobody ever learns the code. */
  userId: string | null
  securityVersion: number | null
  /** Of the browser or session that asks for it. */
  flowHash: Buffer
}

/** A challenge whose secret was shown. */
export interface ProvenChallenge {
  id: string
  kind: ChallengeKind
  userId: string | null
  /** The user's security version when it was made. */
  securityVersion: number | null
  payload: unknown
  createdAt: Date
}

const hour = 3_600
const day = 86_400
/** Tries a day of codes from browsers that did not ask for them, per address. */
const strayTries = 20

/**
 * Links and codes that prove a mailbox. One table and one set of rules: hashed or keyed, single use in one statement, gone
 * when they expire.
 *
 * @see NIST SP 800-63B-4 section 3.1.3
 */
export function createChallenges({ store, keys }: { store: Store; keys: KeyRing }) {
  const emailKey = (email: string) => hmacSha256(keys.current('email').key, 'address', email)
  const context = (id: string) => `email_challenges.sealed_payload:${id}`

  async function insert(
    tx: Tx,
    challenge: Omit<LinkChallenge, 'kind'> & { kind: ChallengeKind; flowHash?: Buffer },
    secretHash: (id: string) => Buffer,
  ): Promise<void> {
    const id = uuidv7()
    const { version, key } = keys.current('sealing')
    const { kind, email, userId, securityVersion, payload, flowHash, createdAt = null } = challenge
    await insertChallenge(tx, {
      id,
      kind,
      userId,
      emailKey: emailKey(email),
      secretHash: secretHash(id),
      flowHash: flowHash ?? null,
      securityVersion,
      keyVersion: version,
      sealedPayload: payload === undefined ? null : seal(key, JSON.stringify(payload), context(id)),
      lifetimeSeconds: lifetimes[kind],
      createdAt,
    })
  }

  function proven(row: ChallengeRow): ProvenChallenge {
    const key = keys.version('sealing', row.key_version)
    const bytes = row.sealed_payload === null || key === null ? null : open(key, row.sealed_payload, context(row.id))
    return {
      id: row.id,
      kind: row.kind,
      userId: row.user_id,
      securityVersion: row.security_version,
      payload: bytes === null ? null : JSON.parse(bytes.toString('utf8')),
      createdAt: row.created_at,
    }
  }

  function codeHash(version: number, id: string, code: string): Buffer | null {
    const key = keys.version('email', version)
    return key === null ? null : hmacSha256(key, 'code', id, code)
  }

  return {
    /**
     * Whether one more mail may go to this address: 5 an hour, 20 a day. Beyond that nobody is told, and nothing is sent.
     */
    async mayMail(tx: Tx, email: string): Promise<boolean> {
      const name = emailKey(email).toString('base64url')
      const budgets: Budget[] = [
        { key: `mail:${name}:hour`, limit: 5, windowSeconds: hour },
        { key: `mail:${name}:day`, limit: 20, windowSeconds: day },
      ]
      for (const budget of budgets) {
        if ((await spendBudget(tx, budget)) !== null) return false
      }
      return true
    },

    /** @returns the token of a link: 256 random bits, of which only the hash is kept */
    async issueLink(tx: Tx, challenge: LinkChallenge): Promise<string> {
      const token = randomToken()
      await insert(tx, challenge, () => sha256(token))
      return token
    },

    /** @returns six digits, of which only an HMAC is kept */
    async issueCode(tx: Tx, challenge: CodeChallenge): Promise<string> {
      const code = randomDigits(6)
      await voidCodes(tx, challenge.kind, emailKey(challenge.email), challenge.flowHash)
      const { version } = keys.current('email')
      await insert(tx, challenge, (id) => codeHash(version, id, code) as Buffer)
      return code
    },

    /** The live challenge of a link, not yet used up. @throws IdentSphereError `invalid_credentials` */
    async find(kinds: readonly ChallengeKind[], token: string): Promise<ProvenChallenge> {
      const row = await findByToken(store, kinds, sha256(token))
      if (row === undefined) throw new IdentSphereError('invalid_credentials')
      return proven(row)
    },

    /** Uses a challenge up. @throws IdentSphereError `invalid_credentials` where somebody was faster */
    async consume(tx: Tx, challenge: Pick<ProvenChallenge, 'id'>): Promise<void> {
      if (!(await consume(tx, challenge.id))) throw new IdentSphereError('invalid_credentials')
    },

    /**
     * Tries a code. In the browser or session that asked for it, five tries void it. Elsewhere a code to sign in with cannot be
     * locked, so that strangers cannot lock it either: all of those together have 20 tries a day for an address.
     *
     * @throws IdentSphereError `invalid_credentials` for every cause
     */
    async tryCode(kind: CodeKind, email: string, code: string, flowHash: Buffer | null): Promise<ProvenChallenge> {
      const key = emailKey(email)
      const own = flowHash === null ? undefined : await tryCodeOfBrowser(store, kind, key, flowHash)
      const row = own ?? (kind === 'otp' ? await stray(key) : undefined)
      const expected = row === undefined ? null : codeHash(row.key_version, row.id, code)
      const matches = row !== undefined && expected !== null && constantTimeEqual(row.secret_hash, expected)
      if (!matches) throw new IdentSphereError('invalid_credentials')
      return proven(row)
    },

    /** Whether the way back to this address is open: until it ends, nobody may take the address by merely naming it. */
    isKeptForUndo: (db: Executor, email: string): Promise<boolean> =>
      hasLiveUndo(
        db,
        keys.versions.map((version) => hmacSha256(keys.version('email', version) as KeyObject, 'address', email)),
      ),

    /** Deletes open links and codes as the change says. What the new security version makes void may stay until it is swept. */
    async onSecurityChange(tx: Tx, { userId, consequences, since }: SecurityChange): Promise<void> {
      if (consequences.verifyLinks === 'keep') return
      const revertsFrom = { keep: null, later: since, delete: new Date(0) }[consequences.revertLinks]
      await voidChallenges(tx, userId, revertsFrom)
    },
  }

  async function stray(key: Buffer): Promise<ChallengeRow | undefined> {
    const name = key.toString('base64url')
    const budget = { key: `code:${name}:stray`, limit: strayTries, windowSeconds: day }
    return (await spendBudget(store, budget)) === null ? newestCode(store, key) : undefined
  }
}

export type Challenges = ReturnType<typeof createChallenges>
