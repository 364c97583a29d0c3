import speakeasy from 'speakeasy'
import { constantTimeEqual } from '../../core/crypto/digest.js'
import { base32 } from './base32.js'

/** Seconds of one step (RFC 6238 section 5.2). */
const stepSeconds = 30

/** The code of one step: HMAC-SHA-1, six digits, as every authenticator app has it. */
export function totpAt(secret: Buffer, step: number): string {
  const time = step * stepSeconds
  return speakeasy.totp({ secret: secret.toString('hex'), encoding: 'hex', time, digits: 6, algorithm: 'sha1' })
}

/**
 * The step that a code belongs to: the present one, the one before or the one after. All three are compared, whichever fits,
 * so the time tells nobody anything.
 *
 * @param now milliseconds since the Unix epoch
 * @see RFC 6238 section 5.2
 */
export function matchingStep(secret: Buffer, code: string, now: number): number | null {
  // What parses as the same number is another text: `+00218` is no code.
  if (!/^\d{6}$/.test(code)) return null
  const present = Math.floor(now / 1000 / stepSeconds)
  let matching: number | null = null
  for (const step of [present - 1, present, present + 1]) {
    if (constantTimeEqual(totpAt(secret, step), code)) matching = step
  }
  return matching
}

/** What authenticator apps scan. */
export function otpauthUrl(issuer: string, account: string, secret: Buffer): string {
  const name = `${encodeURIComponent(issuer)}:${encodeURIComponent(account)}`
  const parameters = `secret=${base32(secret)}&issuer=${encodeURIComponent(issuer)}&algorithm=SHA1&digits=6&period=30`
  return `otpauth://totp/${name}?${parameters}`
}

/** The same as a PNG in base64. The library is loaded by the first who needs it. */
export async function qrCode(url: string): Promise<string> {
  const { toBuffer } = await import('qrcode')
  return (await toBuffer(url, { type: 'png', errorCorrectionLevel: 'M', margin: 2 })).toString('base64')
}
