import { z } from 'zod'
import { defineOptions } from '../../core/config/define-options.js'

/** Options of authenticator apps. */
export interface TotpOptions {
  /** The name that authenticator apps show. Default: host name of `publicBaseUrl`. */
  issuer?: string
}

export const options = defineOptions({
  fields: {
    'mfa.issuer': z
      .string()
      .regex(/^[^:\p{C}]{1,64}$/u, 'must be up to 64 characters without a colon')
      .optional(),
  },
  resolve: (values, core) => ({ issuer: values['mfa.issuer'] ?? core.publicBaseUrl.hostname }),
})
