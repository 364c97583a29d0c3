import type { Knex } from 'knex'
import { loadSigningKeys, type SigningKeys } from '../../features/tokens/signing-keys.js'
import type { RootSecret } from '../crypto/key-ring.js'
import type { PageName } from '../mail/links.js'
import type { Mailbox } from '../mail/mailbox.js'
import { mailerOf } from '../mail/mailer.js'
import type { MailTransport } from '../mail/message.js'
import type { MailTemplates } from '../mail/templates.js'
import { ConfigurationError } from './configuration-error.js'
import { asksForDevelopment } from './development.js'
import { developmentSecret } from './development-secret.js'
import { withEnvironment } from './environment.js'
import { type Logger, silentLogger, withoutValues } from './logger.js'
import { isOnLoopback } from './loopback.js'
import { type ClaimsUser, type FieldsSchema, type Hooks, type IdentSphereOptions, parseOptions } from './options.js'
import { ownOrigins } from './own-origins.js'
import { pagesOf } from './pages.js'
import { parsePublicBaseUrl, withoutSlash } from './public-base-url.js'
import { checkSecret, checkSecrets } from './secrets.js'

/** The options after parsing: complete, checked and frozen. */
export interface Config {
  readonly database: string | Knex
  readonly schema: string
  readonly publicBaseUrl: URL
  /** Path under which browsers see the router: `''` or `/identity`, never with a slash at its end. */
  readonly mountPath: string
  readonly isOwnOrigin: (origin: string) => boolean
  readonly issuer: string
  readonly audience: string
  readonly secrets: readonly RootSecret[]
  readonly signingKeys: SigningKeys
  readonly cookies: { readonly secure: boolean; readonly prefix: boolean }
  readonly accessTokenSeconds: number
  readonly refreshTokenSeconds: number
  readonly refreshGraceSeconds: number
  readonly sessionIdleSeconds: number | null
  readonly passwords: NonNullable<IdentSphereOptions['passwords']>
  readonly exposeAccessToken: boolean
  readonly accessTokenClaims: ((user: ClaimsUser) => Readonly<Record<string, unknown>>) | null
  readonly mfa: {
    /** The name that authenticator apps show. */
    readonly issuer: string
    /** Roles whose sessions pass no guard without a second factor. */
    readonly requiredFor: readonly string[]
  }
  readonly registration: {
    readonly mode: 'open' | 'invitation' | 'closed'
    readonly verification: 'later' | 'first'
    readonly organization: 'required' | 'personal' | 'none'
    readonly fields: FieldsSchema | null
  }
  readonly passkeys: { readonly rpId: string; readonly rpName: string; readonly relatedOrigins: readonly string[] }
  /** Null where nothing can send mail: then no mail is written, and what cannot work without it is not offered. */
  readonly mailer: {
    readonly transport: MailTransport
    readonly from: string
    readonly templates: MailTemplates
    /** What would have been sent, in development without SMTP; else null. */
    readonly mailbox: Mailbox | null
  } | null
  /** A new URL each time. Throws where a function of `allowedOrigins` refuses the page's origin. */
  readonly pages: Readonly<Record<'signIn' | PageName, () => URL>>
  readonly rbac: Readonly<Record<string, readonly string[]>> | null
  readonly hooks: Hooks
  readonly logger: Logger
  readonly worker: 'in-process' | 'external'
  /** Development behaviour is allowed: asked for, and the public address is on this machine. */
  readonly development: boolean
}

/**
 * Options and environment → {@link Config}.
 *
 * @throws ConfigurationError that names the setting at fault and the fix
 */
export function loadConfig(input: IdentSphereOptions, environment: NodeJS.ProcessEnv): Config {
  const options = parseOptions(withEnvironment(input, environment))
  const wantsDevelopment = asksForDevelopment(options.development, environment)
  const publicBaseUrl = parsePublicBaseUrl(
    options.publicBaseUrl ?? (wantsDevelopment ? `http://localhost:${environment.PORT ?? 3000}` : undefined),
  )
  const development = wantsDevelopment && isOnLoopback(publicBaseUrl)
  if (!development && publicBaseUrl.protocol !== 'https:') {
    throw new ConfigurationError(
      'publicBaseUrl',
      `is ${publicBaseUrl.href}, which is not https`,
      'Give the https address that browsers use; plain http is for development on localhost.',
    )
  }
  const jwtSecret = environment.IDENTSPHERE_JWT_SECRET ?? (development ? developmentSecret() : undefined)
  if (jwtSecret !== undefined) checkSecret('IDENTSPHERE_JWT_SECRET', jwtSecret)
  const secrets = options.secrets ?? defaultSecrets(jwtSecret)
  checkSecrets(nameOfSecrets(input, environment), secrets)
  const isOwnOrigin = ownOrigins(publicBaseUrl, options.allowedOrigins ?? [])
  const pages = pagesOf(options.pages ?? {}, publicBaseUrl, isOwnOrigin)
  if (typeof options.allowedOrigins !== 'function') for (const page of Object.values(pages)) page()
  const issuer = options.issuer ?? withoutSlash(publicBaseUrl.href)

  const logger = withoutValues(options.logger ?? silentLogger)
  const mailer = mailerOf(options.mailer ?? {}, publicBaseUrl, development, logger)

  return Object.freeze({
    database: databaseOf(options.database, development),
    schema: options.schema ?? 'identsphere',
    publicBaseUrl,
    mountPath: withoutSlash(publicBaseUrl.pathname),
    mfa: { issuer: options.mfa?.issuer ?? publicBaseUrl.hostname, requiredFor: options.mfa?.requiredFor ?? [] },
    isOwnOrigin,
    issuer,
    audience: options.audience ?? issuer,
    secrets,
    signingKeys: loadSigningKeys({ signingKeys: options.signingKeys ?? [], jwtSecret, allowHs256: development }),
    cookies: cookiesOf(options.cookies ?? {}, publicBaseUrl, development),
    accessTokenSeconds: options.accessTokenSeconds ?? 900,
    refreshTokenSeconds: options.refreshTokenSeconds ?? 30 * 86_400,
    refreshGraceSeconds: options.refreshGraceSeconds ?? 10,
    sessionIdleSeconds: options.sessionIdleSeconds ?? null,
    passwords: Object.freeze(options.passwords ?? {}),
    exposeAccessToken: options.tokens?.exposeAccessToken ?? false,
    accessTokenClaims: options.tokens?.accessTokenClaims ?? null,
    registration: registrationOf(options.registration ?? {}, mailer !== null),
    passkeys: passkeysOf(options.passkeys ?? {}, publicBaseUrl, isOwnOrigin),
    mailer,
    pages,
    rbac: options.rbac ?? null,
    hooks: Object.freeze({ ...options.hooks }),
    logger,
    worker: options.worker ?? 'in-process',
    development,
  })
}

function nameOfSecrets(input: IdentSphereOptions, environment: NodeJS.ProcessEnv): string {
  if (input.secrets !== undefined) return 'secrets'
  return environment.IDENTSPHERE_SECRETS === undefined ? 'secrets (IDENTSPHERE_SECRETS)' : 'IDENTSPHERE_SECRETS'
}

function defaultSecrets(jwtSecret: string | undefined): RootSecret[] {
  return jwtSecret === undefined ? [] : [{ version: 1, value: jwtSecret }]
}

function databaseOf(database: string | Knex | undefined, development: boolean): string | Knex {
  if (database === 'embedded' && !development) {
    throw new ConfigurationError(
      'database',
      "is 'embedded', which is for development on localhost",
      'Set DATABASE_URL to a Postgres of your own.',
    )
  }
  if (database !== undefined) return database
  if (development) return 'embedded'
  throw new ConfigurationError('database', 'is missing', 'Set DATABASE_URL to a postgres:// address.')
}

function cookiesOf(cookies: { secure?: boolean; prefix?: boolean }, publicBaseUrl: URL, development: boolean) {
  const secure = cookies.secure ?? publicBaseUrl.protocol === 'https:'
  if (!secure && !development) {
    throw new ConfigurationError(
      'cookies.secure',
      'is false outside development on localhost',
      'Remove it; behind a TLS proxy cookies stay Secure.',
    )
  }
  const prefix = cookies.prefix ?? false
  if (prefix && !secure) {
    throw new ConfigurationError('cookies.prefix', 'needs Secure cookies', 'Use an https publicBaseUrl, or remove it.')
  }
  return Object.freeze({ secure, prefix })
}

function registrationOf(
  registration: NonNullable<IdentSphereOptions['registration']>,
  canMail: boolean,
): Config['registration'] {
  if (registration.verification === 'first' && !canMail) {
    throw new ConfigurationError(
      'registration.verification',
      "is 'first', but nothing can send the mail that would prove the address",
      "Set `mailer` (SMTP_URL), or use 'later'.",
    )
  }
  return Object.freeze({
    mode: registration.mode ?? 'open',
    verification: registration.verification ?? 'later',
    organization: registration.organization ?? 'required',
    fields: registration.fields ?? null,
  })
}

/** Browsers take a page's host or a domain above it for an RP id, and nothing else. */
function passkeysOf(
  passkeys: NonNullable<IdentSphereOptions['passkeys']>,
  publicBaseUrl: URL,
  isOwnOrigin: (origin: string) => boolean,
): Config['passkeys'] {
  const { hostname } = publicBaseUrl
  const { rpId = hostname, relatedOrigins = [] } = passkeys
  if (rpId !== hostname && !hostname.endsWith(`.${rpId}`)) {
    throw new ConfigurationError(
      'passkeys.rpId',
      `is ${rpId}, which is neither the host of publicBaseUrl nor a domain above it`,
      `Use ${hostname}, or a domain that it belongs to.`,
    )
  }
  const foreign = relatedOrigins.find((origin) => !isOwnOrigin(origin))
  if (foreign !== undefined) {
    throw new ConfigurationError(
      'passkeys.relatedOrigins',
      `holds ${JSON.stringify(foreign)}, which is not an own origin`,
      'Add it to allowedOrigins, with scheme, host and port only.',
    )
  }
  return Object.freeze({ rpId, rpName: passkeys.rpName ?? rpId, relatedOrigins: Object.freeze([...relatedOrigins]) })
}
