import { Refusal } from './refusal.js'

/**
 * The user handle of an account: the bytes of its id. Random bits and a moment, nothing about the person, and the same for all
 * passkeys of a user, so that an authenticator replaces its own.
 *
 * @see WebAuthn level 3 section 14.6.1
 */
export function userHandleOf(userId: string): Buffer {
  return Buffer.from(userId.replaceAll('-', ''), 'hex')
}

/** Where the authenticator names the user, it is the one whose passkey this is. */
export function assertUserHandle(userHandle: string | undefined, userId: string): void {
  if (userHandle === undefined) return
  if (!userHandleOf(userId).equals(Buffer.from(userHandle, 'base64url'))) {
    throw new Refusal('the user handle is that of somebody else')
  }
}
