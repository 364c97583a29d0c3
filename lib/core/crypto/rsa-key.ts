import { createPublicKey, type KeyObject } from 'node:crypto'

const minModulusBits = 2048
// FIPS 186-5 appendix A.1.1. Smaller exponents make padding errors exploitable. With 1, every text is its own signature.
const minExponent = 65537n

/**
 * Checks whether a public key is allowed for RS256. RFC 7518 section 3.3 requires 2048 bits. jsonwebtoken checks that only when
 * it signs, not when it verifies.
 *
 * @returns the problem, as the end of a sentence that starts with the key's name, or null
 */
export function rsaKeyProblem(key: KeyObject): string | null {
  if (key.asymmetricKeyType !== 'rsa') return 'is not an RSA key. RS256 needs one'
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {}
  if (modulusLength < minModulusBits) return `has ${modulusLength} bits. RS256 needs at least ${minModulusBits}`
  if (publicExponent < minExponent) return `has the public exponent ${publicExponent}. The minimum is ${minExponent}`
  if (isRocaKey(key)) return 'was made by a generator whose keys can be factored (CVE-2017-15361)'
  return null
}

/** Reads a public key from PEM. Returns null if it is not allowed for RS256. */
export function readRsaKey(pem: string): KeyObject | null {
  const key = createPublicKey(pem)
  return rsaKeyProblem(key) === null ? key : null
}

/**
 * Infineon's broken generator made primes that are powers of 65537 modulo every small prime. So their product is such a power
 * too. The test wrongly flags less than one in a hundred million sound keys.
 *
 * @see CVE-2017-15361 "The Return of Coppersmith's Attack"
 */
function isRocaKey(key: KeyObject): boolean {
  const { n = '' } = key.export({ format: 'jwk' })
  const modulus = BigInt(`0x${Buffer.from(n, 'base64url').toString('hex')}`)
  return smallPrimes.every((prime) => isPowerOf65537(Number(modulus % BigInt(prime)), prime))
}

function isPowerOf65537(residue: number, prime: number): boolean {
  let power = 1
  do {
    if (power === residue) return true
    power = (power * 65537) % prime
  } while (power !== 1)
  return false
}

// The primes among the first 39 for which 65537 does not generate every residue. The generator used them for all key sizes.
const smallPrimes = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157]
