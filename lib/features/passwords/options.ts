import { z } from 'zod'
import { defineOptions } from '../../core/config/define-options.js'
import { callable } from '../../core/config/fields.js'
import { argon2Minimum } from './schemes/argon2id.js'

export interface PasswordOptions {
  passwords?: {
    /** Minimum number of characters, 8 to 64. The maximum is 256. Default `12`. */
    minLength?: number
    /** Your own check of new passwords, e.g. a list of breached passwords. True refuses the password. Default: none. */
    refuse?: (password: string) => boolean | Promise<boolean>
    /** Cost of Argon2id: `{ memoryKiB, iterations, parallelism }`, never below the default. Default: 19456 KiB, 2 passes, parallelism 1. */
    argon2?: { memoryKiB: number; iterations: number; parallelism: number }
  }
}

export interface PasswordSettings {
  readonly minLength: number
  readonly refuse: ((password: string) => boolean | Promise<boolean>) | undefined
  readonly argon2: { readonly memoryKiB: number; readonly iterations: number; readonly parallelism: number }
}

export const options = defineOptions({
  fields: {
    'passwords.minLength': z.int().min(8).max(64).default(12),
    'passwords.refuse': callable<(password: string) => boolean | Promise<boolean>>().optional(),
    'passwords.argon2': z
      .strictObject({
        memoryKiB: z.int().positive(),
        iterations: z.int().positive(),
        parallelism: z.int().positive(),
      })
      .default({ ...argon2Minimum }),
  },
  resolve: (values): PasswordSettings => ({
    minLength: values['passwords.minLength'],
    refuse: values['passwords.refuse'],
    argon2: values['passwords.argon2'],
  }),
})
