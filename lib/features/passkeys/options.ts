import { z } from 'zod'
import { ConfigurationError } from '../../core/config/configuration-error.js'
import { defineOptions } from '../../core/config/define-options.js'

export interface PasskeyOptions {
  passkeys?: {
    /**
     * The domain of passkeys: the host of `publicBaseUrl`, or a parent domain. If it changes, existing passkeys no longer work.
     * Default: host of `publicBaseUrl`.
     */
    rpId?: string
    /** The name that authenticators show. Default: the RP id. */
    rpName?: string
    /** Own origins on other domains that use the same passkeys. Served at `/.well-known/webauthn`. Default: none. */
    relatedOrigins?: readonly string[]
  }
}

export interface PasskeySettings {
  readonly rpId: string
  readonly rpName: string
  readonly relatedOrigins: readonly string[]
}

export const options = defineOptions({
  fields: {
    'passkeys.rpId': z
      .string()
      .regex(/^(localhost|([a-z0-9-]+\.)+[a-z][a-z0-9-]*)$/, 'must be a domain in lower case')
      .optional(),
    'passkeys.rpName': z.string().min(1).max(64).optional(),
    'passkeys.relatedOrigins': z.array(z.string()).default([]),
  },
  /** Browsers accept only the host of a page or a parent domain as RP id. */
  resolve(values, { publicBaseUrl, isOwnOrigin }): PasskeySettings {
    const { hostname } = publicBaseUrl
    const rpId = values['passkeys.rpId'] ?? hostname
    const relatedOrigins = values['passkeys.relatedOrigins']
    if (rpId !== hostname && !hostname.endsWith(`.${rpId}`)) {
      throw new ConfigurationError(
        'passkeys.rpId',
        `is ${rpId}, which is neither the host of publicBaseUrl nor a parent domain`,
        `Use ${hostname} or a parent domain.`,
      )
    }
    const foreign = relatedOrigins.find((origin) => !isOwnOrigin(origin))
    if (foreign !== undefined) {
      throw new ConfigurationError(
        'passkeys.relatedOrigins',
        `contains ${JSON.stringify(foreign)}, which is not an own origin`,
        'Add it to allowedOrigins, with scheme, host and port only.',
      )
    }
    return { rpId, rpName: values['passkeys.rpName'] ?? rpId, relatedOrigins }
  },
})
