import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'

const nonceBytes = 12
const tagBytes = 16

/**
 * Encrypts `plaintext` with AES-256-GCM (NIST SP 800-38D). The result is nonce ‖ ciphertext ‖ tag.
 *
 * @param context associated data: table, column and row of the value. A copy in another row does not open.
 */
export function seal(key: KeyObject, plaintext: string | Uint8Array, context: string): Buffer {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
  cipher.setAAD(Buffer.from(context, 'utf8'))
  const text = typeof plaintext === 'string' ? Buffer.from(plaintext, 'utf8') : plaintext
  return Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()])
}

/** Decrypts the result of {@link seal}. Returns null if the key, the context or the bytes differ. */
export function open(key: KeyObject, sealed: Uint8Array, context: string): Buffer | null {
  if (sealed.length < nonceBytes + tagBytes) return null
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes })
  decipher.setAAD(Buffer.from(context, 'utf8'))
  decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes))
  try {
    return Buffer.concat([decipher.update(sealed.subarray(nonceBytes, sealed.length - tagBytes)), decipher.final()])
  } catch {
    return null
  }
}

/** Makes a key for {@link seal} from 32 bytes. */
export function sealingKey(bytes: Uint8Array): KeyObject {
  return createSecretKey(bytes)
}
