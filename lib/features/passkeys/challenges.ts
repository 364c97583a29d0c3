import { constantTimeEqual, sha256 } from '../../core/crypto/digest.js'
import { randomOctets } from '../../core/crypto/random.js'
import { IdentSphereError } from '../../core/errors.js'
import type { Executor } from '../../core/store/store.js'
import { insertChallenge, type Purpose, takeChallenge } from './repository.js'

export type { Purpose } from './repository.js'

/** WebAuthn level 3 section 15.1 recommends 300 to 600 seconds for ceremonies with user verification. */
export const challengeSeconds = 600

/** A new challenge for one ceremony. */
export interface NewChallenge {
  purpose: Purpose
  /** Null if the passkey identifies the user. */
  userId: string | null
  /** The flow token of the browser, or the id of its session. */
  boundTo: string
}

/** @returns 256 random bits */
export async function beginChallenge(db: Executor, input: NewChallenge): Promise<Buffer> {
  const challenge = randomOctets(32)
  await insertChallenge(db, {
    purpose: input.purpose,
    challenge,
    userId: input.userId,
    bindingHash: sha256(input.boundTo),
    lifetimeSeconds: challengeSeconds,
  })
  return challenge
}

/**
 * Consumes a challenge, also if the rest of the ceremony fails. It can be completed only once.
 *
 * @param boundTo flow token or session id of the request, or null
 * @returns the user of the challenge
 * @throws IdentSphereError `invalid_credentials` if the challenge is unknown or expired, or has another purpose or browser
 * @see GHSA better-auth #9993, SuperTokens 12.0.8
 */
export async function useChallenge(
  db: Executor,
  challenge: string,
  purpose: Purpose,
  boundTo: string | null,
): Promise<string | null> {
  const row = await takeChallenge(db, Buffer.from(challenge, 'base64url'))
  if (row === undefined || !row.is_live || row.purpose !== purpose) throw new IdentSphereError('invalid_credentials')
  if (boundTo === null || !constantTimeEqual(row.binding_hash, sha256(boundTo))) {
    throw new IdentSphereError('invalid_credentials')
  }
  return row.user_id
}
