import { constantTimeEqual, sha256 } from '../../core/crypto/digest.js'
import { randomOctets } from '../../core/crypto/random.js'
import { IdentSphereError } from '../../core/errors.js'
import type { Executor } from '../../core/store/store.js'
import { insertChallenge, type Purpose, takeChallenge } from './repository.js'

export type { Purpose } from './repository.js'

/** Seconds. WebAuthn level 3 section 15.1 recommends 300 to 600 for ceremonies with user verification. */
export const challengeSeconds = 600

/** Whom a challenge is for. */
export interface ChallengeFor {
  purpose: Purpose
  /** Null where the passkey is to say who it is. */
  userId: string | null
  /** The flow token of the browser that asked, or the id of its session. */
  boundTo: string
}

/** @returns 256 random bits */
export async function beginChallenge(db: Executor, wanted: ChallengeFor): Promise<Buffer> {
  const challenge = randomOctets(32)
  await insertChallenge(db, {
    purpose: wanted.purpose,
    challenge,
    userId: wanted.userId,
    bindingHash: sha256(wanted.boundTo),
    lifetimeSeconds: challengeSeconds,
  })
  return challenge
}

/**
 * Uses a challenge up, whatever comes of it: by the first completion it is gone.
 *
 * @param boundTo null where the browser brought nothing
 * @returns the user it was made for
 * @throws IdentSphereError `invalid_credentials` where it is none, expired, or another purpose's or browser's
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
