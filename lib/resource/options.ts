import { z } from 'zod'
import { ConfigurationError } from '../core/config/configuration-error.js'
import { parseWith } from '../core/config/define-options.js'
import { asksForDevelopment } from '../core/config/development.js'
import { loggerSchema } from '../core/config/fields.js'
import { type Logger, silentLogger, withoutValues } from '../core/config/logger.js'
import { isOnLoopback } from '../core/config/loopback.js'

/** Options of a service that verifies access tokens. Unknown keys are refused. */
export interface ResourceServerOptions {
  /** `iss` of the access tokens. Exactly the `issuer` of the service that runs IdentSphere. */
  issuer: string
  /** `aud` of the access tokens. Default: the issuer. */
  audience?: string
  /** Address of the public keys. It may be private. Default: `<issuer>/.well-known/jwks.json`. */
  jwksUri?: string
  /** Public address of this service (RFC 9728 section 1.2). With it, denials contain the address of the metadata. */
  resource?: string
  /** pino, or any logger with the same `debug`, `info`, `warn` and `error`. Default: nothing is logged. */
  logger?: Logger
  /** Allows http on loopback. Default: `true` for `NODE_ENV` `development` and `test`. */
  development?: boolean
}

/** The options after parsing: complete, checked and frozen. */
export interface ResourceConfig {
  readonly issuer: string
  readonly audience: string
  readonly jwksUri: URL
  readonly resource: string | null
  readonly logger: Logger
}

const address = z.string().optional()
export const resourceOptionsSchema = z.strictObject({
  issuer: address,
  audience: z.string().min(1).optional(),
  jwksUri: address,
  resource: address,
  logger: loggerSchema.optional(),
  development: z.boolean().optional(),
})

/**
 * Parses and checks the options.
 *
 * @throws ConfigurationError that names the invalid setting and the fix
 */
export function loadResourceConfig(input: ResourceServerOptions, environment: NodeJS.ProcessEnv): ResourceConfig {
  const options = parseWith(resourceOptionsSchema, input) as Partial<ResourceServerOptions>
  const { issuer, resource } = options
  const allowHttp = asksForDevelopment(options.development, environment)
  if (issuer === undefined) throw new ConfigurationError('issuer', 'is missing', fixes.issuer)
  checkIdentifier('issuer', issuer, allowHttp)
  if (resource !== undefined) checkIdentifier('resource', resource, allowHttp)
  return Object.freeze({
    issuer,
    audience: options.audience ?? issuer,
    jwksUri: checkAddress(
      'jwksUri',
      options.jwksUri ?? `${issuer.replace(/\/$/, '')}/.well-known/jwks.json`,
      allowHttp,
    ),
    resource: resource ?? null,
    logger: withoutValues(options.logger ?? silentLogger),
  })
}

const fixes = {
  issuer: 'Set it to the issuer of the service that runs IdentSphere, e.g. https://app.example.com.',
  jwksUri: 'Set it to the https address of the key set, e.g. https://app.example.com/.well-known/jwks.json.',
  resource: 'Set it to the public https address of this service, e.g. https://api.example.com.',
}

/** RFC 8414 section 2 and RFC 9728 section 1.2: such an identifier has no query and no fragment. */
function checkIdentifier(setting: 'issuer' | 'resource', text: string, allowHttp: boolean): void {
  if (checkAddress(setting, text, allowHttp).search === '' && !text.includes('?')) return
  throw new ConfigurationError(setting, 'has a query', fixes[setting])
}

function checkAddress(setting: keyof typeof fixes, text: string, allowHttp: boolean): URL {
  if (!URL.canParse(text)) throw new ConfigurationError(setting, 'is not a URL', fixes[setting])
  const url = new URL(text)
  if (url.username !== '' || url.password !== '' || text.includes('#')) {
    throw new ConfigurationError(setting, 'contains a user, a password or a fragment', fixes[setting])
  }
  if (url.protocol === 'https:' || (url.protocol === 'http:' && allowHttp && isOnLoopback(url))) return url
  throw new ConfigurationError(setting, `is ${url.protocol}//${url.host}, which is not https`, fixes[setting])
}
