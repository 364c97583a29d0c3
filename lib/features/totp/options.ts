import { z } from 'zod'
import { defineOptions } from '../../core/config/define-options.js'

export interface TotpOptions {
  /** Name that authenticator apps show. Default: host name of `publicBaseUrl`. */
  issuer?: string
}

export const options = defineOptions({
  fields: {
    'mfa.issuer': z
      .string()
      .regex(/^[^:\p{C}]{1,64}$/u, 'must have 1 to 64 characters and no colon')
      .optional(),
  },
  resolve: (values, core) => ({ issuer: values['mfa.issuer'] ?? core.publicBaseUrl.hostname }),
})
