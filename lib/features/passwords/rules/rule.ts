/** Whose password it is: what a guesser who knows the account would try. */
export interface PasswordOwner {
  email?: string
  displayName?: string | null
  organizationName?: string
}

/**
 * One reason to refuse a new password.
 *
 * @param password - in NFC.
 * @returns text for the person who chose it, which never repeats the password; null when the rule has no objection.
 */
export type PasswordRule = (password: string, about: PasswordOwner) => string | null | Promise<string | null>
