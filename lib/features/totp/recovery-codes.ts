import type { KeyObject } from 'node:crypto'
import { hmacSha256 } from '../../core/crypto/digest.js'
import type { KeyRing } from '../../core/crypto/key-ring.js'
import { randomOctets, uuidv7 } from '../../core/crypto/random.js'
import type { Tx } from '../../core/store/store.js'
import { base32 } from './base32.js'
import { deleteRecoveryCodes, insertRecoveryCodes, useRecoveryCode } from './repository.js'

const count = 10
/** 80 random bits. */
const bytes = 10
/** Without letters that look like digits or like each other. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'

/** Codes for who has lost the second factor: shown once, kept as HMACs, each good for one sign-in. */
export function createRecoveryCodes(keys: KeyRing) {
  const hashOf = (key: KeyObject, userId: string, code: string) => hmacSha256(key, 'recovery code', userId, code)

  return {
    /** New codes, in place of all older ones. */
    async replace(tx: Tx, userId: string): Promise<string[]> {
      const { version, key } = keys.current('mfa')
      const codes = Array.from({ length: count }, () => base32(randomOctets(bytes), alphabet))
      await deleteRecoveryCodes(tx, userId)
      const rows = codes.map((code) => ({ id: uuidv7(), hash: hashOf(key, userId, code) }))
      await insertRecoveryCodes(tx, userId, rows, version)
      return codes.map((code) => code.replace(/.{4}(?=.)/g, '$&-'))
    },

    /** Uses a code up, however it was typed. @returns whether it was one */
    async use(tx: Tx, userId: string, typed: string): Promise<boolean> {
      const code = typed.toLowerCase().replace(/[\s-]/g, '').replaceAll('o', '0').replace(/[il]/g, '1')
      const known = keys.versions.map((version) => keys.version('mfa', version)).filter((key) => key !== null)
      return useRecoveryCode(
        tx,
        userId,
        known.map((key) => hashOf(key, userId, code)),
      )
    },
  }
}

export type RecoveryCodes = ReturnType<typeof createRecoveryCodes>
