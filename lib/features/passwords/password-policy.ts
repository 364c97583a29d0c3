import { ConfigurationError } from '../../core/config/configuration-error.js'
import { IdentSphereError } from '../../core/errors.js'
import { common } from './rules/common.js'
import { length } from './rules/length.js'
import { personal } from './rules/personal.js'
import { repeated } from './rules/repeated.js'
import type { PasswordOwner, PasswordRule } from './rules/rule.js'
import { wellFormed } from './rules/well-formed.js'

export interface PasswordPolicyOptions {
  /**
   * Minimum number of characters, 8 to 64. Default 12. NIST SP 800-63B-4 requires 15 if the password is the only factor, and 8
   * with a second factor.
   */
  minLength?: number
  /**
   * The host's own check, e.g. a list of breached passwords. True refuses the password. It is called last, with the NFC form.
   * If it throws, the request fails.
   */
  refuse?: (password: string) => boolean | Promise<boolean>
}

/** Decides which new passwords are accepted. A sign-in does not check the policy. */
export interface PasswordPolicy {
  /**
   * Returns the NFC form, in which passwords are checked, hashed and compared. Keyboards differ in how they encode the same
   * characters.
   */
  normalise(password: string): string
  /**
   * @param path name of the field in the body, for the error. Default `password`.
   * @throws IdentSphereError `invalid_input` with details `[{ path, message }]` from the first rule that refuses the password
   */
  check(password: string, about: PasswordOwner, path?: string): Promise<void>
}

/**
 * Makes the policy for new passwords: 12 to 256 characters of any kind, not a common password, not the user's own name. There
 * are no rules about kinds of characters, and passwords do not expire.
 *
 * @throws ConfigurationError if `minLength` is not an integer from 8 to 64
 *
 * @example
 * ```ts
 * const policy = createPasswordPolicy()
 * const password = policy.normalise(body.password)
 * await policy.check(password, { email: body.email })
 * ```
 *
 * @see https://pages.nist.gov/800-63-4/sp800-63b.html section 3.1.1.2
 */
export function createPasswordPolicy(options: PasswordPolicyOptions = {}): PasswordPolicy {
  const { minLength = 12, refuse } = options
  if (!Number.isInteger(minLength) || minLength < 8 || minLength > 64) {
    throw new ConfigurationError('passwords.minLength', 'is not an integer from 8 to 64', 'Leave it out for 12.')
  }
  // The rules after `length` rely on a short text.
  const rules: PasswordRule[] = [wellFormed, length(minLength), repeated, personal, common]
  if (refuse !== undefined) {
    rules.push(async (password) => ((await refuse(password)) ? 'This password is not allowed. Choose another.' : null))
  }

  const normalise = (password: string) => password.normalize('NFC')

  return {
    normalise,

    async check(password, about, path = 'password') {
      const normalised = normalise(password)
      for (const rule of rules) {
        const message = await rule(normalised, about)
        if (message !== null) throw new IdentSphereError('invalid_input', { message, details: [{ path, message }] })
      }
    },
  }
}
