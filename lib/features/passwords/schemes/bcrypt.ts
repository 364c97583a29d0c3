import type { StoredHash } from './stored-hash.js'

/** Costs 04 to 14, then 16 bytes of salt and 23 of hash in bcrypt's own base64. Cost 15 would take seconds. */
const form = /^\$2([aby])\$(0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}$/

/** bcrypt reads no further than this many bytes. */
const maxBytes = 72

/**
 * Reads an imported bcrypt hash (`$2a$`, `$2b$`, `$2y$`). New passwords are never hashed with bcrypt.
 *
 * @returns null when it is not one, is malformed, or its cost is above 14.
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
  // PHP's `$2y$` names the same algorithm as `$2b$`, but the library knows only the latter.
  const known = variant === 'y' ? `$2b$${stored.slice(4)}` : stored
  return {
    isWeak: true,
    async matches(password) {
      // Loaded with the first imported hash. Most applications have none.
      const { default: bcrypt } = await import('bcrypt')
      // Compared first, so that a password that can never match costs what any other costs.
      const isEqual = await bcrypt.compare(password, known)
      return isEqual && isDistinguishable(password)
    },
  }
}

/**
 * Whether bcrypt tells this password apart from all others. It ignores everything past 72 bytes, and repeats the
 * password with a NUL in between until the key is full, so that `a` and `a\0a` are the same key.
 */
function isDistinguishable(password: string): boolean {
  return Buffer.byteLength(password) <= maxBytes && !password.includes('\0')
}
