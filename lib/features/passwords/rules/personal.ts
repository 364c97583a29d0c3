import { isMostly, occurrences, predictableParts } from './predictable-parts.js'
import type { PasswordOwner, PasswordRule } from './rule.js'
import { fold, spellings } from './spellings.js'

/** Shorter names are in every text. */
const minTerm = 3

/**
 * Refuses a password made mostly of the owner's name, address or organisation, in any case and with the usual
 * substitutions and padding: the context-specific words of NIST SP 800-63B-4 section 3.1.1.2.
 */
export const personal: PasswordRule = (password, about) => {
  const terms = termsOf(about)
  const [plain = '', ...others] = spellings(password)
  const found = [plain, ...others].flatMap((spelling) => terms.flatMap((term) => occurrences(spelling, term)))
  if (found.length === 0 || !isMostly(plain, [...found, ...predictableParts(plain)])) return null
  return 'This is mostly your own name, address or organisation. Choose another.'
}

/** Each text whole, without its separators, and in its pieces. The top-level domain is nobody's name. */
function termsOf({ email = '', displayName, organizationName = '' }: PasswordOwner): string[] {
  const texts = [email, email.replace(/\.[^.@]*$/, ''), displayName ?? '', organizationName].map(fold)
  const terms = texts.flatMap((text) => {
    const pieces = text.split(/[^\p{L}\p{N}]+/u)
    return [text, pieces.join(''), ...pieces]
  })
  return [...new Set(terms)].filter((term) => term.length >= minTerm)
}
