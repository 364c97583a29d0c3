import type { PasswordRule } from './rule.js'

/**
 * Refuses NUL and lone surrogates. Other software ends a password at a NUL, and every lone surrogate becomes the same
 * U+FFFD in UTF-8, so that different passwords would be one. Everything else may be typed.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8265#section-4.2
 */
export const wellFormed: PasswordRule = (password) =>
  /[\0\p{Surrogate}]/u.test(password) ? 'This holds characters that cannot be typed.' : null
