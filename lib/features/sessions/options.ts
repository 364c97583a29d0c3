import { ConfigurationError } from '../../core/config/configuration-error.js'
import { defineOptions, type FromEnvironment } from '../../core/config/define-options.js'
import { seconds } from '../../core/config/fields.js'

export interface SessionOptions {
  /** Lifetime of an access token in seconds. Default `900`. Environment: `IDENTSPHERE_ACCESS_EXPIRY_SECS`. */
  accessTokenSeconds?: number
  /** Lifetime of a session in seconds. Use does not extend it. Default `2592000` (30 days). Environment: `IDENTSPHERE_REFRESH_EXPIRY_SECS`. */
  refreshTokenSeconds?: number
  /** Seconds in which a used refresh token is accepted again, if its successor is unused. Default `10`. */
  refreshGraceSeconds?: number
  /** Idle timeout of sessions in seconds, at least 300. Default: no idle timeout. */
  sessionIdleSeconds?: number
}

export interface SessionSettings {
  readonly accessTokenSeconds: number
  readonly refreshTokenSeconds: number
  readonly refreshGraceSeconds: number
  readonly sessionIdleSeconds: number | null
}

const maxIdleSeconds = 31_536_000

/** Browsers keep cookies for at most 400 days (RFC 6265bis section 5.5). */
const maxSessionSeconds = 400 * 86_400

export const options = defineOptions({
  fields: {
    accessTokenSeconds: seconds(10, 86_400).default(900),
    refreshTokenSeconds: seconds(60, maxSessionSeconds).default(2_592_000),
    refreshGraceSeconds: seconds(0, 60).default(10),
    sessionIdleSeconds: seconds(300, maxIdleSeconds).optional(),
  },
  environment: {
    accessTokenSeconds: numberFrom('IDENTSPHERE_ACCESS_EXPIRY_SECS'),
    refreshTokenSeconds: numberFrom('IDENTSPHERE_REFRESH_EXPIRY_SECS'),
  },
  resolve: ({ sessionIdleSeconds = null, ...values }): SessionSettings => ({ ...values, sessionIdleSeconds }),
})

function numberFrom(name: string): FromEnvironment {
  return (variables) => {
    const text = variables[name]
    if (text === undefined) return undefined
    if (!/^\d{1,9}$/.test(text))
      throw new ConfigurationError(name, 'is not a whole number', 'Set it to the lifetime in seconds.')
    return Number(text)
  }
}
