import { hmacSha256 } from '../../core/crypto/digest.js'
import type { KeyRing } from '../../core/crypto/key-ring.js'
import { type Budget, forever } from '../../core/store/budgets.js'

/** Failures that one source may have in a row within {@link windowSeconds}. */
const perSource = 10
const windowSeconds = 900

/**
 * Failures in a row that an account may ever have from one kind of source.
 *
 * @see NIST SP 800-63B-4 section 3.2.2: no more than 100 consecutive failed attempts
 */
const consecutive = 100

/** Who tries a password. */
export type Source =
  /** A browser that has signed in to this account before. */
  | { kind: 'device'; id: string }
  /** A live session, for `current_password`. */
  | { kind: 'session'; id: string }
  /** Whoever holds a mailed link to an account that is not made yet. */
  | { kind: 'link'; id: string }
  /** Anybody else, by client network. */
  | { kind: 'network'; id: string }

/**
 * Password budgets, keyed on an HMAC of the address, so that known and unknown addresses behave alike and the table names
 * nobody. Strangers, known browsers and live sessions have budgets of their own: strangers cannot lock the owner out.
 */
export function passwordBudgets(keys: KeyRing, email: string, source: Source): Budget[] {
  const account = accountKey(keys, email)
  return [
    { key: `${account}:${source.kind}:${source.id}`, limit: perSource, windowSeconds },
    { key: totalKey(account, source), limit: consecutive, windowSeconds: forever },
  ]
}

/** A browser that was lost must not use up what the owner's other browsers have, so each has a total of its own. So has a link. */
function totalKey(account: string, source: Source): string {
  const { kind, id } = source
  const owner = kind === 'device' || kind === 'link' ? `${kind}:${id}:total` : `${kind}s`
  return `${account}:${owner}`
}

/** What a right password makes forgotten besides its own source's: the rows of failures that are over with it. */
export function accountTotals(keys: KeyRing, email: string): string[] {
  const account = accountKey(keys, email)
  return [`${account}:networks`, `${account}:sessions`]
}

/** Repeated failures of one account become one audit row a minute. */
export function auditBudget(keys: KeyRing, email: string): Budget {
  return { key: `${accountKey(keys, email)}:audited`, limit: 1, windowSeconds: 60 }
}

function accountKey(keys: KeyRing, email: string): string {
  return `password:${hmacSha256(keys.current('budget').key, 'password', email).toString('base64url')}`
}
