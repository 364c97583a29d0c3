import type { PasswordRule } from './rule.js'

/** Below NIST's least length, SP 800-63B-4 section 3.1.1.2. */
const minUnit = 8

/**
 * Refuses one short text over and over, such as `111111111111` or `g7kq9xg7kq9x`: it is as easily guessed as the text
 * itself.
 */
export const repeated: PasswordRule = (password) => {
  for (let unit = 1; unit < minUnit && unit * 2 <= password.length; unit += 1) {
    if (password.startsWith(password.slice(unit))) return 'This repeats a short text. Choose something longer.'
  }
  return null
}
