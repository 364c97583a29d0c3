/** Facts about the user that an attacker would try as a password. */
export interface PasswordOwner {
  email?: string
  displayName?: string | null
  organizationName?: string
}

/**
 * A rule for new passwords.
 *
 * @param password in NFC
 * @returns text for the user, without the password, or null if the password is accepted
 */
export type PasswordRule = (password: string, about: PasswordOwner) => string | null | Promise<string | null>
