import { z } from 'zod'
import { defineOptions } from '../../core/config/define-options.js'

export interface RoleOptions {
  /** Permissions of each role. Replaces the default matrix. `*` is every permission. Default: [above](#permissions). */
  rbac?: Readonly<Record<string, readonly string[]>>
}

export const options = defineOptions({
  fields: { rbac: z.record(z.string(), z.array(z.string().min(1))).optional() },
  resolve: (values) => ({ rbac: values.rbac ?? null }),
})
