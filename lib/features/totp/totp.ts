import speakeasy from 'speakeasy'
import { constantTimeEqual } from '../../core/crypto/digest.js'
import { base32 } from './base32.js'

/** RFC 6238 section 5.2. */
const stepSeconds = 30

/** The code of a time step: HMAC-SHA-1 and six digits, which all authenticator apps support. */
export function totpAt(secret: Buffer, step: number): string {
  const time = step * stepSeconds
  return speakeasy.totp({ secret: secret.toString('hex'), encoding: 'hex', time, digits: 6, algorithm: 'sha1' })
}

/**
 * The time step of a code: the current one, the previous or the next. All three are compared in any case, so that the duration
 * reveals nothing.
 *
 * @param now milliseconds since the Unix epoch
 * @see RFC 6238 section 5.2
 */
export function matchingStep(secret: Buffer, code: string, now: number): number | null {
  // speakeasy compares numbers, so `+00218` would be a valid code.
  if (!/^\d{6}$/.test(code)) return null
  const current = Math.floor(now / 1000 / stepSeconds)
  let matching: number | null = null
  for (const step of [current - 1, current, current + 1]) {
    if (constantTimeEqual(totpAt(secret, step), code)) matching = step
  }
  return matching
}

/** The URL in the QR code for authenticator apps. */
export function otpauthUrl(issuer: string, account: string, secret: Buffer): string {
  const name = `${encodeURIComponent(issuer)}:${encodeURIComponent(account)}`
  const parameters = `secret=${base32(secret)}&issuer=${encodeURIComponent(issuer)}&algorithm=SHA1&digits=6&period=30`
  return `otpauth://totp/${name}?${parameters}`
}

/** The QR code of a URL as a PNG in base64. The library is loaded at the first use. */
export async function qrCode(url: string): Promise<string> {
  const { toBuffer } = await import('qrcode')
  return (await toBuffer(url, { type: 'png', errorCorrectionLevel: 'M', margin: 2 })).toString('base64')
}
