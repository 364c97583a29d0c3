import { domainToASCII } from 'node:url'
import { z } from 'zod'

const local = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/
const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

/**
 * The canonical spelling of an address: lower case, with the domain in ASCII. Returns null for anything but one plain address:
 * lists, quotes, control characters, and compatibility characters such as a full-width ＠.
 *
 * @see RFC 5321 section 4.1.2 (quoted local parts are refused), CVE-2022-35924, GHSA-7rqj
 */
export function normalizeEmail(text: string): string | null {
  if (text.length > 254 || text.normalize('NFKC') !== text) return null
  const at = text.indexOf('@')
  const localPart = text.slice(0, at).toLowerCase()
  if (at < 1 || localPart.length > 64 || !local.test(localPart)) return null
  const typed = text.slice(at + 1)
  // domainToASCII parses like a URL, so it would also accept ports, brackets and escapes.
  if (/[\s@:[\]%\\/?#]/.test(typed)) return null
  const domain = domainToASCII(typed.toLowerCase())
  const labels = domain.split('.')
  if (labels.length < 2 || domain.length > 253 || !labels.every((part) => label.test(part))) return null
  return `${localPart}@${domain}`
}

/** An e-mail address in a body. Parses to its canonical spelling. */
export const emailAddress = z.string().transform((text, context) => {
  const normal = normalizeEmail(text)
  if (normal !== null) return normal
  context.addIssue({ code: 'custom', message: 'must be a valid e-mail address' })
  return z.NEVER
})
