import { z } from 'zod'
import { defineOptions } from '../../core/config/define-options.js'

export interface MfaOptions {
  /** Roles that need a second factor to pass guards, e.g. `['owner', 'admin']`. Organizations can also require it. Default: none. */
  requiredFor?: ReadonlyArray<'owner' | 'admin' | 'billing' | 'member' | 'viewer'>
}

export const options = defineOptions({
  fields: { 'mfa.requiredFor': z.array(z.enum(['owner', 'admin', 'billing', 'member', 'viewer'])).default([]) },
  resolve: (values) => ({ requiredFor: values['mfa.requiredFor'] as readonly string[] }),
})
