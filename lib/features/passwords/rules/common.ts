import { commonPasswords } from './common-passwords.js'
import { isMostly, occurrences, predictableParts } from './predictable-parts.js'
import type { PasswordRule } from './rule.js'
import { spellings } from './spellings.js'

/**
 * Refuses a password that consists mostly of one common password and predictable padding, in any case and with the usual
 * substitutions: `Password123!`, `P@ssw0rd2026!`, `abcdefghijkl`.
 *
 * A passphrase may contain common words. So only one word counts, with all its occurrences.
 *
 * @see https://pages.nist.gov/800-63-4/sp800-63b.html section 3.1.1.2
 */
export const common: PasswordRule = async (password) => {
  const dictionary = await commonPasswords()
  const [plain = '', ...others] = spellings(password)
  const padding = predictableParts(plain)
  const isGuessable =
    isMostly(plain, padding) ||
    [plain, ...others].some((spelling) =>
      [...dictionary.within(spelling)].some((word) => isMostly(plain, [...padding, ...occurrences(spelling, word)])),
    )
  return isGuessable ? 'This is one of the most used passwords, or similar to one. Choose another.' : null
}
