import { domainToASCII } from 'node:url'
import { z } from 'zod'

const local = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/
const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

/**
 * The one spelling of an address that is stored and looked up: lower case, the domain in its ASCII form. Null for what is
 * no single plain address: lists, quotes, control characters, compatibility characters such as a full-width ＠.
 *
 * @see RFC 5321 section 4.1.2 (quoted local parts are refused), CVE-2022-35924, GHSA-7rqj
 */
export function normaliseEmail(text: string): string | null {
  if (text.length > 254 || text.normalize('NFKC') !== text) return null
  const at = text.indexOf('@')
  const localPart = text.slice(0, at).toLowerCase()
  if (at < 1 || localPart.length > 64 || !local.test(localPart)) return null
  const typed = text.slice(at + 1)
  // domainToASCII follows URL parsing, which would also take ports, brackets and escapes.
  if (/[\s@:[\]%\\/?#]/.test(typed)) return null
  const domain = domainToASCII(typed.toLowerCase())
  const labels = domain.split('.')
  if (labels.length < 2 || domain.length > 253 || !labels.every((part) => label.test(part))) return null
  return `${localPart}@${domain}`
}

/** An address in a body. Parses to its normal form. */
export const emailAddress = z.string().transform((text, context) => {
  const normal = normaliseEmail(text)
  if (normal !== null) return normal
  context.addIssue({ code: 'custom', message: 'is not an e-mail address' })
  return z.NEVER
})
