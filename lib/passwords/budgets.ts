import { hmacSha256 } from '../crypto/digest.js'
import type { KeyRing } from '../crypto/key-ring.js'
import type { Budget } from '../store/budgets.js'
import { forever } from '../store/budgets.js'

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
  /** Anybody else, by client network. */
  | { kind: 'network'; id: string }

/**
 * Password budgets, keyed on an HMAC of the address, so that known and unknown addresses behave alike and the table names
 * nobody. Strangers, known browsers and live sessions have budgets of their own: strangers cannot lock the owner out.
 */
export function passwordBudgets(keys: KeyRing, email: string, source: Source): Budget[] {
  const account = hmacSha256(keys.current('budget').key, 'password', email).toString('base64url')
  return [
    { key: `password:${account}:${source.kind}:${source.id}`, limit: perSource, windowSeconds },
    { key: `password:${account}:${source.kind}s`, limit: consecutive, windowSeconds: forever },
  ]
}

/** Repeated failures of one account become one audit row a minute. */
export function auditBudget(keys: KeyRing, email: string): Budget {
  const account = hmacSha256(keys.current('budget').key, 'password', email).toString('base64url')
  return { key: `password:${account}:audited`, limit: 1, windowSeconds: 60 }
}
