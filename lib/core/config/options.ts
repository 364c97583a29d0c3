import type { Knex } from 'knex'
import { z } from 'zod'
import { mailerOf } from '../mail/mailer.js'
import type { MailMessage } from '../mail/message.js'
import { defaultTemplates, type MailName, type MailTemplates } from '../mail/templates.js'
import { ConfigurationError } from './configuration-error.js'
import { schemaName } from './database-setting.js'
import { type Fields, type FromEnvironment, parseOptions, type Values } from './define-options.js'
import { asksForDevelopment } from './development.js'
import { developmentSecret } from './development-secret.js'
import { callable, loggerSchema, pageAddress } from './fields.js'
import type { EventHook } from './hooks.js'
import { type Logger, silentLogger, withoutValues } from './logger.js'
import { isOnLoopback } from './loopback.js'
import { ownOrigins } from './own-origins.js'
import { pagesOf } from './pages.js'
import { parsePublicBaseUrl, withoutSlash } from './public-base-url.js'
import { checkSecret, checkSecrets, parseSecrets } from './secrets.js'
import type { CoreSettings } from './settings.js'

/** Options of the core. */
export interface CoreOptions {
  /**
   * A Postgres URL, `'embedded'` (development only), or your own Knex instance, which IdentSphere never closes. Default: `embedded`
   * in development. Environment: `DATABASE_URL`.
   */
  database?: string | Knex
  /** Postgres schema of all tables. Default `identsphere`. Environment: `IDENTSPHERE_SCHEMA`. */
  schema?: string
  /**
   * The address of the router in browsers, including the mount path: `https://app.example.com/identity`. Cookie paths, links and the
   * issuer derive from it. Default: `http://localhost:<PORT>` in development, 3000 without `PORT`. Environment:
   * `IDENTSPHERE_PUBLIC_BASE_URL`.
   */
  publicBaseUrl?: string
  /**
   * Other origins whose pages may call the endpoints with cookies and be redirect targets, or a function that decides. Default: none.
   * Environment: `IDENTSPHERE_ALLOWED_ORIGINS`, comma separated.
   */
  allowedOrigins?: readonly string[] | ((origin: string) => boolean)
  /**
   * Root secrets `{ version, value }`, newest first, at least 32 bytes each. The first one protects new values, all of them read old
   * ones. Default: a secret in `.identsphere/` in development. Environment: `IDENTSPHERE_SECRETS` (`2:<new>,1:<old>`), else
   * `IDENTSPHERE_JWT_SECRET` as version 1.
   */
  secrets?: ReadonlyArray<{ version: number; value: string }>
  cookies?: {
    /** Browsers send the cookies over https only. `false` is refused outside development on localhost. Default: `true`; `false` in development for http. */
    secure?: boolean
    /** Cookie names begin with `__Host-` or `__Secure-`. Default `false`. */
    prefix?: boolean
  }
  /** How mail is sent. In development without it, a mailbox page shows the mail. */
  mailer?: {
    /** Sender of every mail, e.g. `Example <no-reply@example.com>`. Default: none. Environment: `IDENTSPHERE_MAIL_FROM`. */
    from?: string
    /**
     * `smtp://user:password@host:587` or `smtps://…`. Needs the package nodemailer. Production requires TLS, except for a server on the
     * same machine. Default: none. Environment: `SMTP_URL`.
     */
    smtpUrl?: string
    /**
     * Your own function that sends `{ messageId, from, to, subject, text, html }`. If it rejects, the mail is sent again later. Default:
     * none.
     */
    sendMail?: (message: MailMessage) => Promise<unknown> | unknown
    /**
     * Functions `(parameters, recipient) => ({ subject, text, html })` that replace single mails, e.g. to translate them. They receive raw
     * values and must escape them in HTML. Default: English mails.
     */
    templates?: Partial<MailTemplates>
  }
  /** Your own pages: paths, or addresses on an own origin. */
  pages?: {
    /** Your sign-in page, e.g. `/sign-in`. Visitors without a session are redirected there. Default `/`. */
    signIn?: string
    /** Page to choose a new password. A mail opens it with `#token=…`. Without a token it requests the mail. Default: a built-in page. */
    resetPassword?: string
    /** Page that verifies an e-mail address. A mail opens it with `#token=…`. Default: a built-in page. */
    verifyEmail?: string
    /** Page of a sign-in link. A mail opens it with `#token=…`. Default: a built-in page. */
    signInLink?: string
    /** Page that confirms a new e-mail address. A mail opens it with `#token=…`. Default: a built-in page. */
    confirmEmail?: string
    /** Page of *This was not me*. Mails about a changed address or a new factor open it with `#token=…`. Default: a built-in page. */
    undo?: string
  }
  /** pino, or any logger with the same `debug`, `info`, `warn` and `error`. Default: nothing is logged. */
  logger?: Logger
  /**
   * Which process sends mail and deletes expired rows. `external`: another process, started by `npx identsphere worker`. Default
   * `in-process`. Environment: `IDENTSPHERE_WORKER`.
   */
  worker?: 'in-process' | 'external'
  /**
   * Allows development behavior, on a loopback `publicBaseUrl` only. Default: `true` for `NODE_ENV` `development` and `test`.
   * Environment: `NODE_ENV`.
   */
  development?: boolean
}

const eventHook = callable<EventHook>().optional()
const page = pageAddress.optional()

const fields = {
  database: z
    .union([
      z.string().regex(/^(embedded$|postgres(ql)?:\/\/)/, "must be a postgres:// URL, 'embedded' or a Knex instance"),
      z.custom<Knex>((value) => typeof value === 'function' && 'client' in value, 'must be a Knex instance'),
    ])
    .optional(),
  schema: z.string().regex(schemaName, 'must be a lower-case SQL name').default('identsphere'),
  publicBaseUrl: z.string().optional(),
  allowedOrigins: z.union([z.array(z.string()), callable<(origin: string) => boolean>()]).default([]),
  secrets: z.array(z.strictObject({ version: z.int().min(1).max(999_999_999), value: z.string() })).optional(),
  'cookies.secure': z.boolean().optional(),
  'cookies.prefix': z.boolean().default(false),
  'mailer.from': z
    .string()
    .regex(/^([^<>\r\n]* )?<?[^\s<>@,]+@[^\s<>@,]+>?$/, 'must be one address, e.g. Example <no-reply@example.com>')
    .optional(),
  'mailer.smtpUrl': z
    .string()
    .regex(/^smtps?:\/\/\S+$/, 'must be an smtp:// or smtps:// address')
    .optional(),
  'mailer.sendMail': callable<(message: MailMessage) => unknown>().optional(),
  'mailer.templates': z
    .partialRecord(z.enum(Object.keys(defaultTemplates) as [MailName, ...MailName[]]), callable<never>())
    .default({}),
  'pages.signIn': pageAddress.default('/'),
  'pages.resetPassword': page,
  'pages.verifyEmail': page,
  'pages.signInLink': page,
  'pages.confirmEmail': page,
  'pages.undo': page,
  'hooks.onRegister': eventHook,
  'hooks.onSignIn': eventHook,
  'hooks.onSignOut': eventHook,
  'hooks.onPasswordChanged': eventHook,
  'hooks.onSessionRevoked': eventHook,
  'hooks.onRefreshReused': eventHook,
  logger: loggerSchema.optional(),
  worker: z.enum(['in-process', 'external']).default('in-process'),
  development: z.boolean().optional(),
} satisfies Fields

const environment: { readonly [Path in keyof typeof fields]?: FromEnvironment } = {
  database: (variables) => variables.DATABASE_URL,
  schema: (variables) => variables.IDENTSPHERE_SCHEMA,
  publicBaseUrl: (variables) => variables.IDENTSPHERE_PUBLIC_BASE_URL,
  allowedOrigins: (variables) => variables.IDENTSPHERE_ALLOWED_ORIGINS?.split(',').map((origin) => origin.trim()),
  secrets: ({ IDENTSPHERE_SECRETS: text }) =>
    text === undefined ? undefined : parseSecrets('IDENTSPHERE_SECRETS', text),
  'mailer.from': (variables) => variables.IDENTSPHERE_MAIL_FROM,
  // The host's own `sendMail` takes precedence over the environment.
  'mailer.smtpUrl': (variables, given) => (given('mailer.sendMail') === undefined ? variables.SMTP_URL : undefined),
  worker: (variables) => variables.IDENTSPHERE_WORKER,
}

/** The fields of {@link CoreOptions}. */
export const coreOptions = { fields, environment: environment as Record<string, FromEnvironment> }

/**
 * Makes the settings of the core from the parsed options.
 *
 * @param input the options before parsing, to name the source of a secret in errors
 * @throws ConfigurationError that names the invalid setting and the fix
 */
export function coreSettings(
  values: Values<typeof fields>,
  input: CoreOptions,
  variables: NodeJS.ProcessEnv,
): CoreSettings {
  const wantsDevelopment = asksForDevelopment(values.development, variables)
  const publicBaseUrl = parsePublicBaseUrl(
    values.publicBaseUrl ?? (wantsDevelopment ? `http://localhost:${variables.PORT ?? 3000}` : undefined),
  )
  const development = wantsDevelopment && isOnLoopback(publicBaseUrl)
  if (!development && publicBaseUrl.protocol !== 'https:') {
    throw new ConfigurationError(
      'publicBaseUrl',
      `is ${publicBaseUrl.href}, which is not https`,
      'Give the https address that browsers use. Plain http is allowed only in development on localhost.',
    )
  }
  const jwtSecret = variables.IDENTSPHERE_JWT_SECRET ?? (development ? developmentSecret() : undefined)
  if (jwtSecret !== undefined) checkSecret('IDENTSPHERE_JWT_SECRET', jwtSecret)
  const secrets = values.secrets ?? (jwtSecret === undefined ? [] : [{ version: 1, value: jwtSecret }])
  checkSecrets(nameOfSecrets(input, variables), secrets)
  const isOwnOrigin = ownOrigins(publicBaseUrl, values.allowedOrigins)
  const pages = pagesOf((name) => values[`pages.${name}`], publicBaseUrl, isOwnOrigin)
  if (typeof values.allowedOrigins !== 'function') for (const address of Object.values(pages)) address()
  const logger = withoutValues(values.logger ?? silentLogger)
  const mailer = mailerOf(
    {
      from: values['mailer.from'],
      smtpUrl: values['mailer.smtpUrl'],
      sendMail: values['mailer.sendMail'],
      templates: values['mailer.templates'] as Partial<MailTemplates>,
    },
    { publicBaseUrl, development, logger },
  )

  return Object.freeze({
    database: databaseOf(values.database, development),
    schema: values.schema,
    publicBaseUrl,
    mountPath: withoutSlash(publicBaseUrl.pathname),
    isOwnOrigin,
    secrets,
    jwtSecret,
    cookies: cookiesOf(values['cookies.secure'], values['cookies.prefix'], publicBaseUrl, development),
    mailer,
    pages,
    hooks: Object.freeze({
      onRegister: values['hooks.onRegister'],
      onSignIn: values['hooks.onSignIn'],
      onSignOut: values['hooks.onSignOut'],
      onPasswordChanged: values['hooks.onPasswordChanged'],
      onSessionRevoked: values['hooks.onSessionRevoked'],
      onRefreshReused: values['hooks.onRefreshReused'],
    }) as CoreSettings['hooks'],
    logger,
    worker: values.worker,
    development,
  })
}

/** Parses the options of the core and of all features. @throws ConfigurationError for the first invalid option */
export function parseAllOptions(
  definitions: ReadonlyArray<{ fields: Fields; environment: Readonly<Record<string, FromEnvironment>> }>,
  input: object,
  variables: NodeJS.ProcessEnv,
): Readonly<Record<string, unknown>> {
  return parseOptions([coreOptions, ...definitions], input, variables)
}

function nameOfSecrets(input: CoreOptions, variables: NodeJS.ProcessEnv): string {
  if (input.secrets !== undefined) return 'secrets'
  return variables.IDENTSPHERE_SECRETS === undefined ? 'secrets (IDENTSPHERE_SECRETS)' : 'IDENTSPHERE_SECRETS'
}

function databaseOf(database: string | Knex | undefined, development: boolean): string | Knex {
  if (database === 'embedded' && !development) {
    throw new ConfigurationError(
      'database',
      "is 'embedded', which is allowed only in development on localhost",
      'Set DATABASE_URL to the address of your Postgres.',
    )
  }
  if (database !== undefined) return database
  if (development) return 'embedded'
  throw new ConfigurationError('database', 'is missing', 'Set DATABASE_URL to a postgres:// address.')
}

function cookiesOf(given: boolean | undefined, prefix: boolean, publicBaseUrl: URL, development: boolean) {
  const secure = given ?? publicBaseUrl.protocol === 'https:'
  if (!secure && !development) {
    throw new ConfigurationError(
      'cookies.secure',
      'is false outside development on localhost',
      'Remove it. Cookies are also Secure behind a TLS proxy.',
    )
  }
  if (prefix && !secure) {
    throw new ConfigurationError('cookies.prefix', 'needs Secure cookies', 'Use an https publicBaseUrl, or remove it.')
  }
  return Object.freeze({ secure, prefix })
}
