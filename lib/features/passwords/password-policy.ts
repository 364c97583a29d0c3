import { ConfigurationError } from '../../core/config/configuration-error.js'
import { IdentSphereError } from '../../core/errors.js'
import { common } from './rules/common.js'
import { length } from './rules/length.js'
import { personal } from './rules/personal.js'
import { repeated } from './rules/repeated.js'
import type { PasswordOwner, PasswordRule } from './rules/rule.js'
import { wellFormed } from './rules/well-formed.js'

/** What a host may decide about new passwords. */
export interface PasswordPolicyOptions {
  /**
   * Least number of characters, 8 to 64; 12 when absent. NIST SP 800-63B-4 asks for 15 where the password is the only
   * factor, and 8 where there is a second one.
   */
  minLength?: number
  /**
   * The host's own objection, e.g. a look-up in a list of breached passwords: true refuses. Called last, with the NFC
   * form. What it throws fails the request; catch inside to let the password pass.
   */
  refuse?: (password: string) => boolean | Promise<boolean>
}

/** Decides which new passwords are accepted. Existing ones are never checked at sign-in. */
export interface PasswordPolicy {
  /**
   * The NFC form, in which passwords are checked, hashed and compared. To be called wherever one enters, so that the
   * same characters match whichever keyboard typed them.
   */
  normalise(password: string): string
  /**
   * @param path - where the password stands in the request's body, for the error; `password` when absent.
   * @throws IdentSphereError `invalid_input` whose details are `[{ path, message }]` with the first rule's objection.
   */
  check(password: string, about: PasswordOwner, path?: string): Promise<void>
}

/**
 * Makes the policy for new passwords: 12 to 256 characters of any kind, neither well known nor the owner's own name.
 * There are no composition rules and nothing expires.
 *
 * @throws ConfigurationError that names `passwords.minLength` when it is not an integer from 8 to 64.
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
  // Cheapest first: what comes after `length` may rely on a short text.
  const rules: PasswordRule[] = [wellFormed, length(minLength), repeated, personal, common]
  if (refuse !== undefined) {
    rules.push(async (password) =>
      (await refuse(password)) ? 'This password is known to others. Choose another.' : null,
    )
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
