import type { PasswordRule } from './rule.js'

const maxCharacters = 256

/**
 * Refuses fewer than `minLength` and more than 256 characters. A character is a Unicode code point of the NFC form. So an
 * accented letter counts as one, independent of the keyboard.
 *
 * @see https://pages.nist.gov/800-63-4/sp800-63b.html section 3.1.1.2
 */
export function length(minLength: number): PasswordRule {
  return (password) => {
    const characters = [...password].length
    if (characters < minLength) return `Use at least ${minLength} characters.`
    return characters > maxCharacters ? `Use at most ${maxCharacters} characters.` : null
  }
}
