import type { KeyObject } from 'node:crypto'
import { hmacSha256 } from '../../core/crypto/digest.js'
import type { KeyRing } from '../../core/crypto/key-ring.js'
import { randomOctets, uuidv7 } from '../../core/crypto/random.js'
import type { Tx } from '../../core/store/store.js'
import { base32 } from './base32.js'
import { deleteRecoveryCodes, insertRecoveryCodes, useRecoveryCode } from './repository.js'

const codesPerUser = 10
/** 80 random bits. */
const codeBytes = 10
/** Without letters that look like digits or other letters. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'

/** Codes for users who have lost their second factor. They are displayed once, stored as HMACs, and valid for one sign-in each. */
export function createRecoveryCodes(keys: KeyRing) {
  const hashOf = (key: KeyObject, userId: string, code: string) => hmacSha256(key, 'recovery code', userId, code)

  return {
    /** Replaces all codes of a user. */
    async replace(tx: Tx, userId: string): Promise<string[]> {
      const { version, key } = keys.current('mfa')
      const codes = Array.from({ length: codesPerUser }, () => base32(randomOctets(codeBytes), alphabet))
      await deleteRecoveryCodes(tx, userId)
      const rows = codes.map((code) => ({ id: uuidv7(), hash: hashOf(key, userId, code) }))
      await insertRecoveryCodes(tx, userId, rows, version)
      return codes.map((code) => code.replace(/.{4}(?=.)/g, '$&-'))
    },

    /** Consumes a code. Case, spaces, hyphens and similar letters do not matter. @returns false if the code is not valid */
    async use(tx: Tx, userId: string, input: string): Promise<boolean> {
      const code = input.toLowerCase().replace(/[\s-]/g, '').replaceAll('o', '0').replace(/[il]/g, '1')
      const versions = keys.versions.map((version) => keys.version('mfa', version)).filter((key) => key !== null)
      return useRecoveryCode(
        tx,
        userId,
        versions.map((key) => hashOf(key, userId, code)),
      )
    },
  }
}

export type RecoveryCodes = ReturnType<typeof createRecoveryCodes>
