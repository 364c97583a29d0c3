import { z } from 'zod'
import { ConfigurationError } from '../../core/config/configuration-error.js'
import { defineOptions } from '../../core/config/define-options.js'
import { callable } from '../../core/config/fields.js'
import type { HookTransaction } from '../../core/config/hooks.js'

/** Anything with zod's `safeParse`, of any version of zod. */
export interface FieldsSchema {
  safeParse(
    value: unknown,
    context?: object,
  ):
    | { success: true; data: unknown }
    | { success: false; error: { issues: ReadonlyArray<{ path: ReadonlyArray<PropertyKey>; message: string }> } }
}

/** What `beforeRegister` gets about the account that is being created. */
export interface RegistrationInput {
  userId: string
  email: string
  displayName: string | null
  /** Null with `registration.organization: 'none'`. */
  organizationId: string | null
  /** The body's `fields`, as `registration.fields` parsed them. */
  fields: Readonly<Record<string, unknown>>
}

/** Hooks of registrations. */
export interface RegistrationHooks {
  /** Adds the host's own rows in the same transaction. Throw an `IdentSphereError` to refuse the registration. */
  beforeRegister?: (tx: HookTransaction, input: RegistrationInput) => Promise<void> | void
}

/** Options of registrations. */
export interface RegistrationOptions {
  registration?: {
    /** Whether `POST /v1/auth/register` creates accounts. `invitation` and `closed` both refuse it. Default `open`. */
    mode?: 'open' | 'invitation' | 'closed'
    /**
     * `later`: sign in at once, verify the address afterwards. `first`: the account is created when its address is proven, and new and
     * taken addresses get the same answer; needs a `mailer`. Default `later`.
     */
    verification?: 'later' | 'first'
    /** `required`: the body names an organization. `personal`: it is named after the user. `none`: there is none. Default `required`. */
    organization?: 'required' | 'personal' | 'none'
    /** A zod schema of the body's `fields`, which `hooks.beforeRegister` gets. Default: none. */
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
        "is 'first', but nothing can send the mail that would prove the address",
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
