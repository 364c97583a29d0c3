import { defineOptions } from '../../core/config/define-options.js'
import { callable } from '../../core/config/fields.js'
import type { HookTransaction } from '../../core/config/hooks.js'

export interface SignInHooks {
  /** Called after the credentials were verified. Throw to refuse the sign-in. */
  beforeSignIn?: (tx: HookTransaction, input: { userId: string; authMethod: string }) => Promise<void> | void
}

export const options = defineOptions({
  fields: { 'hooks.beforeSignIn': callable<NonNullable<SignInHooks['beforeSignIn']>>().optional() },
  resolve(values): SignInHooks {
    const beforeSignIn = values['hooks.beforeSignIn']
    return beforeSignIn === undefined ? {} : { beforeSignIn }
  },
})
