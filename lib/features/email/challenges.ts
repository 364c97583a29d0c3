import type { KeyObject } from 'node:crypto'
import { constantTimeEqual, hmacSha256, sha256 } from '../../core/crypto/digest.js'
import type { KeyRing } from '../../core/crypto/key-ring.js'
import { randomDigits, randomToken, uuidv7 } from '../../core/crypto/random.js'
import { open, seal } from '../../core/crypto/sealing.js'
import { IdentSphereError } from '../../core/errors.js'
import { type Budget, spendBudget } from '../../core/store/budgets.js'
import type { Executor, Store, Tx } from '../../core/store/store.js'
import type { Query } from '../../core/store/together.js'
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

export const lifetimeSeconds = {
  register: 86_400,
  verify: 86_400,
  reset: 3_600,
  otp: 600,
  magic: 600,
  change: 86_400,
  undo: 7 * 86_400,
  reauthenticate: 600,
} as const satisfies Record<ChallengeKind, number>

/** A new link. */
export interface LinkChallenge {
  kind: Exclude<ChallengeKind, CodeKind>
  email: string
  userId: string | null
  securityVersion: number | null
  /** Stored encrypted. */
  payload?: object
  /** For links that revert changes: the time of the change. Default: now. */
  createdAt?: Date
}

/** A new code. */
export interface CodeChallenge {
  kind: CodeKind
  email: string
  /** Null for an address without an account. The challenge is created in the same way, but its code is never sent. */
  userId: string | null
  securityVersion: number | null
  /** Hash of the flow token of the browser, or of the session id. */
  flowHash: Buffer
}

/** A challenge whose token or code was verified. */
export interface ProvenChallenge {
  id: string
  kind: ChallengeKind
  userId: string | null
  /** The user's security version when the challenge was created. */
  securityVersion: number | null
  payload: unknown
  createdAt: Date
}

const hourSeconds = 3_600
const daySeconds = 86_400
/** Tries per address and day in browsers that did not request the code. */
const maxForeignTriesPerDay = 20

/**
 * Links and codes that prove a mailbox. They are stored as hashes, expire, and are consumed by one statement.
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
      lifetimeSeconds: lifetimeSeconds[kind],
      createdAt,
    })
  }

  function openRow(row: ChallengeRow): ProvenChallenge {
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
     * Whether the address may get another mail: 5 per hour and 20 per day. Beyond that, no mail is sent, and callers do not report it.
     */
    async mayMail(tx: Tx, email: string): Promise<boolean> {
      const name = emailKey(email).toString('base64url')
      const budgets: Budget[] = [
        { key: `mail:${name}:hour`, limit: 5, windowSeconds: hourSeconds },
        { key: `mail:${name}:day`, limit: 20, windowSeconds: daySeconds },
      ]
      for (const budget of budgets) {
        if ((await spendBudget(tx, budget)) !== null) return false
      }
      return true
    },

    /** @returns the token of a new link: 256 random bits, stored as a hash */
    async issueLink(tx: Tx, challenge: LinkChallenge): Promise<string> {
      const token = randomToken()
      await insert(tx, challenge, () => sha256(token))
      return token
    },

    /** @returns a new code of six digits, stored as an HMAC */
    async issueCode(tx: Tx, challenge: CodeChallenge): Promise<string> {
      const code = randomDigits(6)
      await voidCodes(tx, challenge.kind, emailKey(challenge.email), challenge.flowHash)
      const { version } = keys.current('email')
      await insert(tx, challenge, (id) => codeHash(version, id, code) as Buffer)
      return code
    },

    /** Returns the live challenge of a link without consuming it. @throws IdentSphereError `invalid_credentials` */
    async find(kinds: readonly ChallengeKind[], token: string): Promise<ProvenChallenge> {
      const row = await findByToken(store, kinds, sha256(token))
      if (row === undefined) throw new IdentSphereError('invalid_credentials')
      return openRow(row)
    },

    /** Consumes a challenge. @throws IdentSphereError `invalid_credentials` if another request has consumed it */
    async consume(tx: Tx, challenge: Pick<ProvenChallenge, 'id'>): Promise<void> {
      if (!(await consume(tx, challenge.id))) throw new IdentSphereError('invalid_credentials')
    },

    /**
     * Verifies a code. In the browser or session that requested it, five wrong tries make it void. Wrong tries in other browsers do
     * not, so that strangers cannot lock the owner out. They share 20 tries per day for an address.
     *
     * @throws IdentSphereError `invalid_credentials` for every cause
     */
    async tryCode(kind: CodeKind, email: string, code: string, flowHash: Buffer | null): Promise<ProvenChallenge> {
      const key = emailKey(email)
      const own = flowHash === null ? undefined : await tryCodeOfBrowser(store, kind, key, flowHash)
      const row = own ?? (kind === 'otp' ? await codeOfOtherBrowser(key) : undefined)
      const expected = row === undefined ? null : codeHash(row.key_version, row.id, code)
      const matches = row !== undefined && expected !== null && constantTimeEqual(row.secret_hash, expected)
      if (!matches) throw new IdentSphereError('invalid_credentials')
      return openRow(row)
    },

    /** Whether a link to restore this address is still valid. Until it expires, another account cannot register the address. */
    isKeptForUndo: (db: Executor, email: string): Query<boolean> =>
      hasLiveUndo(
        db,
        keys.versions.map((version) => hmacSha256(keys.version('email', version) as KeyObject, 'address', email)),
      ),

    /** Deletes links according to the consequences. The new security version makes the others void, and a sweep deletes them. */
    async onSecurityChange(tx: Tx, { userId, consequences, since }: SecurityChange): Promise<void> {
      if (consequences.verifyLinks === 'keep') return
      const revertsFrom = { keep: null, later: since, delete: new Date(0) }[consequences.revertLinks]
      await voidChallenges(tx, userId, revertsFrom)
    },
  }

  async function codeOfOtherBrowser(key: Buffer): Promise<ChallengeRow | undefined> {
    const name = key.toString('base64url')
    const budget = { key: `code:${name}:stray`, limit: maxForeignTriesPerDay, windowSeconds: daySeconds }
    return (await spendBudget(store, budget)) === null ? newestCode(store, key) : undefined
  }
}

export type Challenges = ReturnType<typeof createChallenges>
