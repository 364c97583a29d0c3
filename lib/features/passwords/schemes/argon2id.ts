import { argon2id, hash, verify } from 'argon2'
import { ConfigurationError } from '../../../core/config/configuration-error.js'
import type { StoredHash } from './stored-hash.js'

/** Cost parameters of Argon2 (RFC 9106 section 3.1). */
export interface Argon2Parameters {
  /** Parameter m, 19456 to 262144. */
  memoryKiB: number
  /** Parameter t, 2 to 10. */
  iterations: number
  /** Parameter p, 1 to 8. */
  parallelism: number
}

/**
 * The minimum for the configuration, and the default.
 *
 * @see https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
 */
export const argon2Minimum: Readonly<Argon2Parameters> = { memoryKiB: 19_456, iterations: 2, parallelism: 1 }

/** With higher parameters, a single login would use too much time or memory. They are neither configured nor imported. */
const maximum: Readonly<Argon2Parameters> = { memoryKiB: 262_144, iterations: 10, parallelism: 8 }

const version = 0x13
const hashBytes = 32
const saltBytes = 16
const maxHashBytes = 64
const minHashBytes = 16
const minSaltBytes = 8

const form =
  /^\$(argon2(?:id|i|d))(?:\$v=(16|19))?\$m=([1-9]\d{0,9}),t=([1-9]\d{0,9}),p=([1-9]\d{0,9})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/

/**
 * @throws ConfigurationError that names the parameter, if it is below OWASP's minimum or above the maximum of {@link readArgon2}
 */
export function checkArgon2Parameters(parameters: Argon2Parameters): void {
  for (const name of ['memoryKiB', 'iterations', 'parallelism'] as const) {
    const value = parameters[name]
    if (Number.isInteger(value) && value >= argon2Minimum[name] && value <= maximum[name]) continue
    throw new ConfigurationError(
      `passwords.argon2.${name}`,
      `is not an integer from ${argon2Minimum[name]} to ${maximum[name]}`,
      'Leave it out for the minimum, which OWASP recommends.',
    )
  }
}

/**
 * Hashes a password with Argon2id and a random salt.
 *
 * @returns a PHC string, `$argon2id$v=19$m=…,t=…,p=…$salt$hash`
 */
export function hashArgon2id(password: string, parameters: Argon2Parameters): Promise<string> {
  return hash(password, libraryOptions(parameters))
}

/** Does the work of one verification without a stored hash. */
export async function spendArgon2id(password: string, parameters: Argon2Parameters): Promise<void> {
  await hash(password, { ...libraryOptions(parameters), salt: Buffer.alloc(saltBytes), raw: true })
}

function libraryOptions({ memoryKiB, iterations, parallelism }: Argon2Parameters) {
  return {
    type: argon2id,
    version,
    memoryCost: memoryKiB,
    timeCost: iterations,
    parallelism,
    hashLength: hashBytes,
  } as const
}

/**
 * Reads an Argon2 PHC string. Imports can also have `$argon2i$` and `$argon2d$`.
 *
 * @param configured a hash with lower parameters is weak
 * @returns null if the text is not an Argon2 PHC string, or is malformed. Also null if it needs more than 256 MiB, 10 passes,
 * parallelism 8 or 64 bytes of hash, or has less than 16 bytes of hash or 8 bytes of salt.
 *
 * @example
 * ```ts
 * await readArgon2(stored, argon2Minimum)?.matches(password)
 * ```
 *
 * @see https://github.com/P-H-C/phc-string-format/blob/master/phc-sf-spec.md
 */
export function readArgon2(stored: string, configured: Argon2Parameters): StoredHash | null {
  const fields = form.exec(stored)
  if (fields === null) return null
  const [, type, storedVersion, m, t, p, salt = '', digest = ''] = fields
  const memoryKiB = Number(m)
  const iterations = Number(t)
  const parallelism = Number(p)
  const saltSize = bytesOf(salt)
  const digestSize = bytesOf(digest)
  const isWithinBounds =
    memoryKiB <= maximum.memoryKiB &&
    iterations <= maximum.iterations &&
    parallelism <= maximum.parallelism &&
    // RFC 9106 section 3.1 requires 8 KiB per degree of parallelism. The library throws otherwise.
    memoryKiB >= 8 * parallelism &&
    digestSize >= minHashBytes &&
    digestSize <= maxHashBytes &&
    saltSize >= minSaltBytes
  if (!isWithinBounds) return null
  const isWeak =
    type !== 'argon2id' ||
    storedVersion !== String(version) ||
    memoryKiB < configured.memoryKiB ||
    iterations < configured.iterations ||
    parallelism < configured.parallelism ||
    digestSize < hashBytes ||
    saltSize < saltBytes
  return { isWeak, matches: (password) => verify(stored, password) }
}

/** Number of bytes in unpadded base64. */
function bytesOf(base64: string): number {
  return Math.floor((base64.length * 3) / 4)
}
