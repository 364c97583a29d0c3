import { isMostly, occurrences, predictableParts } from './predictable-parts.js'
import type { PasswordOwner, PasswordRule } from './rule.js'
import { fold, spellings } from './spellings.js'

/** Shorter names occur in most texts. */
const minTermCharacters = 3

/**
 * Refuses a password that consists mostly of the user's name, address or organization, in any case and with the usual
 * substitutions and padding (NIST SP 800-63B-4 section 3.1.1.2, context-specific words).
 */
export const personal: PasswordRule = (password, about) => {
  const terms = termsOf(about)
  const [plain = '', ...others] = spellings(password)
  const found = [plain, ...others].flatMap((spelling) => terms.flatMap((term) => occurrences(spelling, term)))
  if (found.length === 0 || !isMostly(plain, [...found, ...predictableParts(plain)])) return null
  return 'This is mostly your own name, address or organization. Choose another.'
}

/** Each text as a whole, without separators, and in pieces. Addresses also without the top-level domain. */
function termsOf({ email = '', displayName, organizationName = '' }: PasswordOwner): string[] {
  const texts = [email, email.replace(/\.[^.@]*$/, ''), displayName ?? '', organizationName].map(fold)
  const terms = texts.flatMap((text) => {
    const pieces = text.split(/[^\p{L}\p{N}]+/u)
    return [text, pieces.join(''), ...pieces]
  })
  return [...new Set(terms)].filter((term) => term.length >= minTermCharacters)
}
