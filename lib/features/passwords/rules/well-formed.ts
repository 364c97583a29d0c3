import type { PasswordRule } from './rule.js'

/**
 * Refuses NUL and lone surrogates. Some software ends a password at a NUL. All lone surrogates become the same U+FFFD in UTF-8,
 * so different passwords would be equal. All other characters are allowed.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8265#section-4.2
 */
export const wellFormed: PasswordRule = (password) =>
  /[\0\p{Surrogate}]/u.test(password) ? 'This contains characters that are not allowed.' : null
