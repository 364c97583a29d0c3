import type { Knex } from 'knex'
import type { RootSecret } from '../crypto/key-ring.js'
import type { PageName } from '../mail/links.js'
import { createMailbox, type Mailbox } from '../mail/mailbox.js'
import type { MailTransport } from '../mail/message.js'
import { createSmtpTransport } from '../mail/smtp.js'
import { defaultTemplates, type MailTemplates } from '../mail/templates.js'
import { ConfigurationError } from './configuration-error.js'
import { developmentSecret } from './development-secret.js'
import { type Logger, silentLogger, withoutValues } from './logger.js'
import { isOnLoopback } from './loopback.js'
import { type ClaimsUser, type FieldsSchema, type Hooks, type IdentSphereOptions, parseOptions } from './options.js'
import { checkSecret, checkSecrets, parseSecrets } from './secrets.js'
import { loadSigningKeys, parsePemBundle, type SigningKeys } from './signing-keys.js'

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
  const wantsDevelopment = options.development ?? ['development', 'test'].includes(environment.NODE_ENV ?? '')
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

/** The options, with what is absent taken from the environment. */
function withEnvironment(options: IdentSphereOptions, environment: NodeJS.ProcessEnv): IdentSphereOptions {
  const fromEnvironment = {
    database: environment.DATABASE_URL,
    schema: environment.IDENTSPHERE_SCHEMA,
    publicBaseUrl: environment.IDENTSPHERE_PUBLIC_BASE_URL,
    allowedOrigins: environment.IDENTSPHERE_ALLOWED_ORIGINS?.split(',').map((origin) => origin.trim()),
    issuer: environment.IDENTSPHERE_ISSUER,
    audience: environment.IDENTSPHERE_AUDIENCE,
    secrets:
      environment.IDENTSPHERE_SECRETS === undefined
        ? undefined
        : parseSecrets('IDENTSPHERE_SECRETS', environment.IDENTSPHERE_SECRETS),
    signingKeys: signingKeysFrom(environment),
    accessTokenSeconds: numberFrom(environment, 'IDENTSPHERE_ACCESS_EXPIRY_SECS'),
    refreshTokenSeconds: numberFrom(environment, 'IDENTSPHERE_REFRESH_EXPIRY_SECS'),
    worker: environment.IDENTSPHERE_WORKER,
    mailer: mailerFrom(options.mailer, environment),
  }
  const given = Object.fromEntries(Object.entries(fromEnvironment).filter(([, value]) => value !== undefined))
  const set = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  return { ...given, ...set, ...(given.mailer === undefined ? {} : { mailer: given.mailer }) } as never
}

function numberFrom(environment: NodeJS.ProcessEnv, name: string): number | undefined {
  const text = environment[name]
  if (text === undefined) return undefined
  if (!/^\d{1,9}$/.test(text)) throw new ConfigurationError(name, 'is not a whole number', 'Give the life in seconds.')
  return Number(text)
}

function signingKeysFrom(environment: NodeJS.ProcessEnv): IdentSphereOptions['signingKeys'] {
  const active = environment.IDENTSPHERE_RSA_PRIVATE_KEY_PEM
  const others = environment.IDENTSPHERE_RSA_VERIFY_KEYS_PEM
  if (active === undefined) {
    if (others === undefined) return undefined
    throw new ConfigurationError(
      'IDENTSPHERE_RSA_VERIFY_KEYS_PEM',
      'is set without a key that signs',
      'Set IDENTSPHERE_RSA_PRIVATE_KEY_PEM too.',
    )
  }
  const signing = parsePemBundle(active)
  if (signing.length !== 1) {
    throw new ConfigurationError(
      'IDENTSPHERE_RSA_PRIVATE_KEY_PEM',
      `holds ${signing.length} keys`,
      'Give the one key that signs; further keys go into IDENTSPHERE_RSA_VERIFY_KEYS_PEM.',
    )
  }
  const verifyOnly = others === undefined ? [] : parsePemBundle(others, 'IDENTSPHERE_RSA_VERIFY_KEYS_PEM')
  return [
    { privateKey: signing[0] as string },
    ...verifyOnly.map((pem) => (pem.includes('PRIVATE KEY') ? { privateKey: pem } : { publicKey: pem })),
  ]
}

function parsePublicBaseUrl(text: string | undefined): URL {
  const fix =
    'Give the address under which browsers see the router, e.g. https://app.example.com/identity, here or in IDENTSPHERE_PUBLIC_BASE_URL.'
  if (text === undefined) {
    throw new ConfigurationError(
      'publicBaseUrl',
      'is missing',
      `${fix} While you develop, set NODE_ENV=development instead.`,
    )
  }
  if (!URL.canParse(text)) throw new ConfigurationError('publicBaseUrl', 'is not a URL', fix)
  const url = new URL(text)
  const plain = url.search === '' && url.hash === '' && url.username === '' && url.password === ''
  if (!plain || !['http:', 'https:'].includes(url.protocol)) {
    throw new ConfigurationError('publicBaseUrl', 'is not a plain http(s) address', fix)
  }
  return url
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

/** What the option does not name comes from the environment; `sendMail` is never overruled by an SMTP server there. */
function mailerFrom(
  mailer: IdentSphereOptions['mailer'],
  environment: NodeJS.ProcessEnv,
): IdentSphereOptions['mailer'] {
  const from = mailer?.from ?? environment.IDENTSPHERE_MAIL_FROM
  const smtpUrl = mailer?.smtpUrl ?? (mailer?.sendMail === undefined ? environment.SMTP_URL : undefined)
  if (mailer === undefined && from === undefined && smtpUrl === undefined) return undefined
  return { ...mailer, ...(from === undefined ? {} : { from }), ...(smtpUrl === undefined ? {} : { smtpUrl }) }
}

function mailerOf(
  mailer: NonNullable<IdentSphereOptions['mailer']>,
  publicBaseUrl: URL,
  development: boolean,
  logger: Logger,
): Config['mailer'] {
  const { smtpUrl, sendMail } = mailer
  const templates: MailTemplates = { ...defaultTemplates, ...mailer.templates }
  if (smtpUrl !== undefined && sendMail !== undefined) {
    throw new ConfigurationError('mailer', 'has both sendMail and an SMTP server', 'Leave one of them out.')
  }
  if (smtpUrl === undefined && sendMail === undefined) {
    if (!development) return null
    const page = `${withoutSlash(publicBaseUrl.href)}/v1/dev/mailbox`
    const mailbox = createMailbox(() => logger.info({ page }, 'a mail is in the mailbox'))
    const from = mailer.from ?? `no-reply@${publicBaseUrl.hostname}`
    return Object.freeze({ transport: mailbox, from, templates, mailbox })
  }
  if (mailer.from === undefined) {
    throw new ConfigurationError(
      'mailer.from (IDENTSPHERE_MAIL_FROM)',
      'is missing',
      'Give the sender, e.g. Example <no-reply@example.com>.',
    )
  }
  return Object.freeze({ transport: transportOf(mailer, development), from: mailer.from, templates, mailbox: null })
}

function transportOf(
  { smtpUrl, sendMail }: NonNullable<IdentSphereOptions['mailer']>,
  development: boolean,
): MailTransport {
  if (smtpUrl === undefined) {
    return { send: async (message) => void (await sendMail?.(message)), close: async () => {} }
  }
  if (!URL.canParse(smtpUrl)) throw new ConfigurationError(smtpSetting, 'is not a URL', 'Correct it.')
  const url = new URL(smtpUrl)
  const weakening = development ? undefined : [...url.searchParams.keys()].find((name) => !smtpParameters.has(name))
  if (weakening !== undefined) {
    throw new ConfigurationError(
      smtpSetting,
      `has the parameter ${weakening}, which could send mail without TLS or elsewhere`,
      'Leave it out, or give `mailer.sendMail`.',
    )
  }
  return createSmtpTransport(smtpUrl, { requireTls: !development && !isOnLoopback(url) })
}

const smtpSetting = 'mailer.smtpUrl (SMTP_URL)'
/** What the query of an SMTP URL may set in production. Nodemailer takes any of its options from there, before ours. */
const smtpParameters = new Set(['name', 'localAddress', 'authMethod', 'maxMessages', 'tls.servername'])

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

/** The host's own pages, and ours where it has none. */
function pagesOf(
  given: NonNullable<IdentSphereOptions['pages']>,
  publicBaseUrl: URL,
  isOwnOrigin: (origin: string) => boolean,
): Config['pages'] {
  const mount = withoutSlash(publicBaseUrl.pathname)
  const ours: Record<'signIn' | PageName, string> = {
    signIn: '/',
    resetPassword: `${mount}/v1/pages/reset-password`,
    verifyEmail: `${mount}/v1/pages/verify-email`,
    signInLink: `${mount}/v1/pages/sign-in-link`,
    confirmEmail: `${mount}/v1/pages/confirm-email`,
    undo: `${mount}/v1/pages/undo`,
  }
  const pages = Object.entries(ours).map(([name, path]) => [
    name,
    pageOf(`pages.${name}`, given[name as PageName] ?? path, publicBaseUrl, isOwnOrigin),
  ])
  return Object.freeze(Object.fromEntries(pages))
}

/**
 * One origin as a browser writes it (RFC 6454 section 6.2). Several headers arrive as one text, and a host that looks at its
 * end would take `https://evil.example, https://app.example.com` for its own.
 */
const oneOrigin = /^[a-z][a-z0-9+.-]*:\/\/[^\s,/\\?#@A-Z]+$/

/** One list for CSRF, CORS and return paths: the public address's own origin, and what the host allows besides. */
function ownOrigins(
  publicBaseUrl: URL,
  allowed: NonNullable<IdentSphereOptions['allowedOrigins']>,
): (origin: string) => boolean {
  if (typeof allowed === 'function') {
    return (origin) => origin === publicBaseUrl.origin || (oneOrigin.test(origin) && allowed(origin) === true)
  }
  for (const origin of allowed) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin || origin.includes('*')) {
      throw new ConfigurationError(
        'allowedOrigins',
        `holds ${JSON.stringify(origin)}, which is not an origin`,
        'Write scheme, host and port only, e.g. https://app.example.com.',
      )
    }
  }
  const origins = new Set([publicBaseUrl.origin, ...allowed])
  return (origin) => origins.has(origin)
}

/** A page's address. People are sent nowhere but to own origins, so it is looked at each time where a function decides. */
function pageOf(name: string, page: string, publicBaseUrl: URL, isOwnOrigin: (origin: string) => boolean): () => URL {
  return () => {
    const url = URL.canParse(page, publicBaseUrl.origin) ? new URL(page, publicBaseUrl.origin) : null
    if (url !== null && isOwnOrigin(url.origin) && url.username === '' && url.password === '') return url
    throw new ConfigurationError(
      name,
      'is not on an own origin',
      'Give a path, or an address whose origin is that of publicBaseUrl or in allowedOrigins.',
    )
  }
}

function withoutSlash(text: string): string {
  return text.endsWith('/') ? text.slice(0, -1) : text
}
