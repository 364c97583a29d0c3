import { z } from 'zod'
import { ConfigurationError } from '../../core/config/configuration-error.js'
import { defineOptions } from '../../core/config/define-options.js'
import { callable } from '../../core/config/fields.js'
import type { HookTransaction } from '../../core/config/hooks.js'

/** A schema with `safeParse` of zod, in any version of zod. */
export interface FieldsSchema {
  safeParse(
    value: unknown,
    context?: object,
  ):
    | { success: true; data: unknown }
    | { success: false; error: { issues: ReadonlyArray<{ path: ReadonlyArray<PropertyKey>; message: string }> } }
}

/** Facts about the new account for `beforeRegister`. */
export interface RegistrationInput {
  userId: string
  email: string
  displayName: string | null
  /** Null with `registration.organization: 'none'`. */
  organizationId: string | null
  /** The `fields` of the body, parsed by `registration.fields`. */
  fields: Readonly<Record<string, unknown>>
}

export interface RegistrationHooks {
  /** Called in the transaction of a new account, e.g. to insert your own rows. Throw an `IdentSphereError` to refuse it. */
  beforeRegister?: (tx: HookTransaction, input: RegistrationInput) => Promise<void> | void
}

export interface RegistrationOptions {
  registration?: {
    /** `open`: anyone can create an account. `invitation` and `closed`: `POST /v1/auth/register` refuses it. Default `open`. */
    mode?: 'open' | 'invitation' | 'closed'
    /**
     * `later`: signs in immediately, and the address is verified afterwards. `first`: creates the account after the address was verified.
     * New and existing addresses get the same answer. Needs a `mailer`. Default `later`.
     */
    verification?: 'later' | 'first'
    /** `required`: the body contains the name of a new organization. `personal`: its name is that of the user. `none`: creates no organization. Default `required`. */
    organization?: 'required' | 'personal' | 'none'
    /** A zod schema for the `fields` of the body, which `hooks.beforeRegister` receives. Default: none. */
    fields?: FieldsSchema
  }
}

export interface RegistrationSettings {
  readonly mode: 'open' | 'invitation' | 'closed'
  readonly verification: 'later' | 'first'
  readonly organization: 'required' | 'personal' | 'none'
  readonly fields: FieldsSchema | null
  readonly beforeRegister: RegistrationHooks['beforeRegister']
}

export const options = defineOptions({
  fields: {
    'registration.mode': z.enum(['open', 'invitation', 'closed']).default('open'),
    'registration.verification': z.enum(['later', 'first']).default('later'),
    'registration.organization': z.enum(['required', 'personal', 'none']).default('required'),
    'registration.fields': z
      .custom<FieldsSchema>(
        (value) => typeof (value as FieldsSchema | null)?.safeParse === 'function',
        'must be a zod schema',
      )
      .optional(),
    'hooks.beforeRegister': callable<NonNullable<RegistrationHooks['beforeRegister']>>().optional(),
  },
  resolve(values, { mailer }): RegistrationSettings {
    if (values['registration.verification'] === 'first' && mailer === null) {
      throw new ConfigurationError(
        'registration.verification',
        "is 'first', but no mail can be sent to verify the address",
        "Set `mailer` (SMTP_URL), or use 'later'.",
      )
    }
    return {
      mode: values['registration.mode'],
      verification: values['registration.verification'],
      organization: values['registration.organization'],
      fields: values['registration.fields'] ?? null,
      beforeRegister: values['hooks.beforeRegister'],
    }
  },
})
