import { Refusal } from './refusal.js'

/**
 * The user handle of an account: the bytes of its id. It contains only random bits and a time. All passkeys of a user have the
 * same handle, so that an authenticator replaces its old passkey.
 *
 * @see WebAuthn level 3 section 14.6.1
 */
export function userHandleOf(userId: string): Buffer {
  return Buffer.from(userId.replaceAll('-', ''), 'hex')
}

/** If the response has a user handle, it must be that of the passkey's user. */
export function assertUserHandle(userHandle: string | undefined, userId: string): void {
  if (userHandle === undefined) return
  if (!userHandleOf(userId).equals(Buffer.from(userHandle, 'base64url'))) {
    throw new Refusal('the user handle is that of another user')
  }
}
