import type { StoredHash } from './stored-hash.js'

/** Cost 04 to 14, then 16 bytes of salt and 23 bytes of hash in bcrypt's own base64. Cost 15 takes seconds. */
const form = /^\$2([aby])\$(0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}$/

/** bcrypt ignores the rest of a longer password. */
const maxPasswordBytes = 72

/**
 * Reads an imported bcrypt hash (`$2a$`, `$2b$`, `$2y$`). New passwords are never hashed with bcrypt.
 *
 * @returns null if the text is not a bcrypt hash, is malformed, or has a cost above 14
 *
 * @example
 * ```ts
 * await readBcrypt('$2y$10$…')?.matches(password)
 * ```
 *
 * @see https://www.usenix.org/legacy/events/usenix99/provos/provos_html/node5.html
 */
export function readBcrypt(stored: string): StoredHash | null {
  const variant = form.exec(stored)?.[1]
  if (variant === undefined) return null
  // `$2y$` of PHP is the same algorithm as `$2b$`. The library supports only the latter.
  const supported = variant === 'y' ? `$2b$${stored.slice(4)}` : stored
  return {
    isWeak: true,
    async matches(password) {
      // Loaded with the first imported hash. Most applications have none.
      const { default: bcrypt } = await import('bcrypt')
      // Compare first, so that all passwords take the same time.
      const isEqual = await bcrypt.compare(password, supported)
      return isEqual && isUnambiguous(password)
    },
  }
}

/**
 * Whether no other password has the same bcrypt hash. bcrypt ignores bytes after the 72nd. It fills the key by repeating the
 * password with a NUL between, so `a` and `a\0a` give the same key.
 */
function isUnambiguous(password: string): boolean {
  return Buffer.byteLength(password) <= maxPasswordBytes && !password.includes('\0')
}
