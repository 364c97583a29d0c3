import { z } from 'zod'
import { defineOptions } from '../../core/config/define-options.js'

/** Options of second factors. */
export interface MfaOptions {
  /** Roles whose sessions pass no guard without a second factor, e.g. `['owner', 'admin']`. Organizations may ask it too. Default: none. */
  requiredFor?: ReadonlyArray<'owner' | 'admin' | 'billing' | 'member' | 'viewer'>
}

export const options = defineOptions({
  fields: { 'mfa.requiredFor': z.array(z.enum(['owner', 'admin', 'billing', 'member', 'viewer'])).default([]) },
  resolve: (values) => ({ requiredFor: values['mfa.requiredFor'] as readonly string[] }),
})
