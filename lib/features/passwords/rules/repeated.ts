import type { PasswordRule } from './rule.js'

/** The minimum length of a password (NIST SP 800-63B-4 section 3.1.1.2). */
const minUnitCharacters = 8

/**
 * Refuses repetitions of one short text, such as `111111111111` or `g7kq9xg7kq9x`. They are as easy to guess as the text
 * itself.
 */
export const repeated: PasswordRule = (password) => {
  for (let unit = 1; unit < minUnitCharacters && unit * 2 <= password.length; unit += 1) {
    if (password.startsWith(password.slice(unit))) return 'This repeats a short text. Choose another.'
  }
  return null
}
