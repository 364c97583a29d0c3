import { createPublicKey, type KeyObject } from 'node:crypto'

const minimumBits = 2048
// FIPS 186-5 appendix A.1.1: smaller exponents make padding mistakes exploitable, and 1 makes every text its own signature.
const minimumExponent = 65537n

/**
 * What makes a public key unfit for RS256, or null. RFC 7518 section 3.3 asks for 2048 bits; jsonwebtoken checks that
 * only while it signs, never while it verifies.
 *
 * @returns the end of a sentence that starts with the key's name, e.g. `has 1024 bits, and RS256 needs 2048 or more`
 */
export function rsaKeyProblem(key: KeyObject): string | null {
  if (key.asymmetricKeyType !== 'rsa') return 'is not an RSA key, and RS256 is what IdentSphere signs with'
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {}
  if (modulusLength < minimumBits) return `has ${modulusLength} bits, and RS256 needs ${minimumBits} or more`
  if (publicExponent < minimumExponent)
    return `has the public exponent ${publicExponent}, and 65537 is the least allowed`
  if (isRocaKey(key)) return 'comes from a generator whose keys can be factored (CVE-2017-15361)'
  return null
}

/** A public key from its PEM, or null where it is unfit for RS256. */
export function readRsaKey(pem: string): KeyObject | null {
  const key = createPublicKey(pem)
  return rsaKeyProblem(key) === null ? key : null
}

/**
 * Infineon's broken generator made primes that are powers of 65537 modulo every small prime, so their product is one
 * too. A sound key passes for such a product once in more than a hundred million.
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

// Those of the first 39 primes modulo which 65537 does not reach everything; they are in the generator at every key size.
const smallPrimes = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157]
