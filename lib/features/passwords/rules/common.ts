import { commonPasswords } from './common-passwords.js'
import { isMostly, occurrences, predictableParts } from './predictable-parts.js'
import type { PasswordRule } from './rule.js'
import { spellings } from './spellings.js'

/**
 * Refuses a password that is mostly one of the most used ones, in any case and with the usual substitutions, together
 * with the years, sequences and keyboard walks people pad it with: `Password123!`, `P@ssw0rd2026!`, `abcdefghijkl`.
 *
 * The whole password is judged: a common word among others is no reason to refuse a passphrase, so only one word is
 * counted, wherever and however often it stands.
 *
 * @see https://pages.nist.gov/800-63-4/sp800-63b.html section 3.1.1.2
 */
export const common: PasswordRule = async (password) => {
  const known = await commonPasswords()
  const [plain = '', ...others] = spellings(password)
  const padding = predictableParts(plain)
  const isGuessable =
    isMostly(plain, padding) ||
    [plain, ...others].some((spelling) =>
      [...known.within(spelling)].some((word) => isMostly(plain, [...padding, ...occurrences(spelling, word)])),
    )
  return isGuessable ? 'This is one of the most used passwords, or close to one. Choose another.' : null
}
