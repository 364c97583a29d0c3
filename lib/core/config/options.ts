import type { Knex } from 'knex'
import { z } from 'zod'
import type { MailMessage } from '../mail/message.js'
import { defaultTemplates, type MailName, type MailTemplates } from '../mail/templates.js'
import { ConfigurationError } from './configuration-error.js'
import { schemaName } from './database-setting.js'
import type { Logger } from './logger.js'

/** A database transaction handed to a host's `before…` hook: a Knex transaction on IdentSphere's connection. */
export type HookTransaction = Knex.Transaction

/** What `beforeRegister` is told about the account that is being made. */
export interface RegistrationInput {
  userId: string
  email: string
  displayName: string | null
  /** Null with `registration.organization: 'none'`. */
  organizationId: string | null
  /** The body's `fields`, as `registration.fields` parsed them. */
  fields: Readonly<Record<string, unknown>>
}

/** What an `on…` hook is told. Ids and facts, never secrets. */
export interface EventFacts {
  /** The audit action, e.g. `auth.login`. */
  action: string
  actorId: string | null
  organizationId: string | null
  /** What was acted on, e.g. `{ type: 'session', id: '…' }`. */
  resource: { type: string; id: string } | null
  data: Readonly<Record<string, unknown>>
}

/**
 * Hooks of two kinds. `before…` run inside the transaction and refuse by throwing; `on…` run after the commit and can
 * break nothing: what they throw goes to the logger.
 */
export interface Hooks {
  /** Adds the host's own rows in the same transaction. Throw an `IdentSphereError` to refuse the registration. */
  beforeRegister?: (tx: HookTransaction, input: RegistrationInput) => Promise<void> | void
  /** Refuses a sign-in after its credentials were proven, by throwing. */
  beforeSignIn?: (tx: HookTransaction, input: { userId: string; authMethod: string }) => Promise<void> | void
  onRegister?: (facts: EventFacts) => Promise<void> | void
  onSignIn?: (facts: EventFacts) => Promise<void> | void
  onSignOut?: (facts: EventFacts) => Promise<void> | void
  onPasswordChanged?: (facts: EventFacts) => Promise<void> | void
  onSessionRevoked?: (facts: EventFacts) => Promise<void> | void
  onRefreshReused?: (facts: EventFacts) => Promise<void> | void
}

/** Anything with zod's `safeParse`, of any version of zod. */
export interface FieldsSchema {
  safeParse(
    value: unknown,
    context?: object,
  ):
    | { success: true; data: unknown }
    | { success: false; error: { issues: ReadonlyArray<{ path: ReadonlyArray<PropertyKey>; message: string }> } }
}

/** The user an access token is made for, as `tokens.accessTokenClaims` sees it. */
export interface ClaimsUser {
  userId: string
  email: string
  organizationId: string | null
}

/**
 * Everything a host may set. What is absent comes from the environment, then from the default named here.
 * Unknown keys are refused, and every refusal is a `ConfigurationError` that names the setting and the fix.
 */
export interface IdentSphereOptions {
  /**
   * A Postgres URL, `'embedded'` (development only) or a Knex instance of the host's, which IdentSphere never closes.
   * Environment: `DATABASE_URL`.
   */
  database?: string | Knex
  /** Postgres schema of all tables. Default `identsphere`. Environment: `IDENTSPHERE_SCHEMA`. */
  schema?: string
  /**
   * Where browsers see the router, the mount path included: `https://app.example.com/identity`. The one source of cookie
   * paths, links and the issuer. Environment: `IDENTSPHERE_PUBLIC_BASE_URL`.
   */
  publicBaseUrl?: string
  /** Origins besides `publicBaseUrl`'s own that may send unsafe requests. Environment: `IDENTSPHERE_ALLOWED_ORIGINS`, comma separated. */
  allowedOrigins?: readonly string[] | ((origin: string) => boolean)
  /** `iss` of access tokens. Default: `publicBaseUrl`. Environment: `IDENTSPHERE_ISSUER`. */
  issuer?: string
  /** `aud` of access tokens. Default: the issuer. Environment: `IDENTSPHERE_AUDIENCE`. */
  audience?: string
  /**
   * Root secrets, newest first, at least 32 bytes each. The first writes, all read.
   * Environment: `IDENTSPHERE_SECRETS` (`2:<new>,1:<old>`), else `IDENTSPHERE_JWT_SECRET` as version 1.
   */
  secrets?: ReadonlyArray<{ version: number; value: string }>
  /**
   * RS256 keys as PEM. The first signs, the others only verify.
   * Environment: `IDENTSPHERE_RSA_PRIVATE_KEY_PEM`, and `IDENTSPHERE_RSA_VERIFY_KEYS_PEM` with any number of further keys.
   */
  signingKeys?: ReadonlyArray<{ privateKey?: string; publicKey?: string; kid?: string }>
  cookies?: {
    /** Default true; false only in development on loopback. */
    secure?: boolean
    /** `__Host-` and `__Secure-` names. Default false. */
    prefix?: boolean
  }
  /** Life of an access token in seconds. Default 900. Environment: `IDENTSPHERE_ACCESS_EXPIRY_SECS`. */
  accessTokenSeconds?: number
  /** Life of a session in seconds, never extended by use. Default 30 days. Environment: `IDENTSPHERE_REFRESH_EXPIRY_SECS`. */
  refreshTokenSeconds?: number
  /** Seconds in which a refresh token may be presented again while its successor is unused. Default 10. */
  refreshGraceSeconds?: number
  /** Ends sessions unused for so many seconds (at least 300). Default: no idle timeout. */
  sessionIdleSeconds?: number
  passwords?: {
    /** Characters, 8 to 64. Default 12. */
    minLength?: number
    /** Refuses a password, e.g. one known from breaches; called with the plain password. */
    refuse?: (password: string) => boolean | Promise<boolean>
    /** Argon2id cost; never below OWASP's minimum, which is the default. */
    argon2?: { memoryKiB: number; iterations: number; parallelism: number }
  }
  tokens?: {
    /** Puts the access token into the body of cookie sign-ins too. Default false. */
    exposeAccessToken?: boolean
    /** Adds claims to access tokens. May not set a reserved name. */
    accessTokenClaims?: (user: ClaimsUser) => Readonly<Record<string, unknown>>
  }
  mfa?: {
    /** The name that authenticator apps show. Default: the host name of `publicBaseUrl`. */
    issuer?: string
    /** Roles whose sessions pass no guard without a second factor. Default none; organisations may ask all their members besides. */
    requiredFor?: ReadonlyArray<'owner' | 'admin' | 'billing' | 'member' | 'viewer'>
  }
  registration?: {
    /** Default `open`. `invitation` and `closed` refuse `POST /v1/auth/register`. */
    mode?: 'open' | 'invitation' | 'closed'
    /** Default `later`: sign in at once, verify the address afterwards. */
    verification?: 'later' | 'first'
    /** Default `required`: the body names an organisation. `personal` makes one named after the user. */
    organization?: 'required' | 'personal' | 'none'
    /** Shape of the body's `fields`, handed to `hooks.beforeRegister`. */
    fields?: FieldsSchema
  }
  passkeys?: {
    /** The domain that passkeys are bound to: the host of `publicBaseUrl`, which is the default, or a domain above it. */
    rpId?: string
    /** Name that authenticators show. Default: the RP id. */
    rpName?: string
    /** Own origins on other domains where the same passkeys work; served as `/.well-known/webauthn`. */
    relatedOrigins?: readonly string[]
  }
  /** How mail is sent. In development without it, mail is kept in a mailbox page instead. */
  mailer?: {
    /** Sender of every mail, e.g. `Example <no-reply@example.com>`. Environment: `IDENTSPHERE_MAIL_FROM`. */
    from?: string
    /** `smtp://user:password@host:587` or `smtps://…`; needs the package nodemailer. Environment: `SMTP_URL`. */
    smtpUrl?: string
    /** Sends a mail in the host's own way instead. Rejects where it was not taken; then it is tried again. */
    sendMail?: (message: MailMessage) => Promise<unknown> | unknown
    /** Replaces single mails, e.g. to translate them. Their texts have to escape what they fill into HTML. */
    templates?: Partial<MailTemplates>
  }
  /** The host's own pages: paths, or addresses on an own origin. */
  pages?: {
    /** Where a visitor without a session is sent, e.g. `/sign-in` or `https://app.example.com/sign-in`. Default `/`. */
    signIn?: string
    /** Where mails lead, each with `#token=…`. Default: small pages of IdentSphere's own. */
    resetPassword?: string
    verifyEmail?: string
    signInLink?: string
    confirmEmail?: string
    undo?: string
  }
  /** Role → permissions. Replaces the default matrix; `'*'` stands for every permission. */
  rbac?: Readonly<Record<string, readonly string[]>>
  hooks?: Hooks
  /** pino or anything with its `debug`, `info`, `warn` and `error`. Default: silent. */
  logger?: Logger
  /** Where the background worker runs. Default `in-process`. Environment: `IDENTSPHERE_WORKER`. */
  worker?: 'in-process' | 'external'
  /** Allows development behaviour. Default: whether `NODE_ENV` is exactly `development` or `test`. */
  development?: boolean
}

const callable = <T>() => z.custom<T>((value) => typeof value === 'function', 'must be a function')
const seconds = (minimum: number, maximum: number) => z.int().min(minimum).max(maximum)
const page = z
  .string()
  .regex(/^(\/(?![/\\])|https?:\/\/[^/])[^\s\\]*$/, 'must be a path such as /sign-in, or an address on an own origin')
const year = 31_536_000

/** Cookies live at most 400 days (RFC 6265bis section 5.5); so do the sessions they carry. */
const longestSession = 400 * 86_400

export const optionsSchema = z.strictObject({
  database: z
    .union([
      z.string().regex(/^(embedded$|postgres(ql)?:\/\/)/, "must be a postgres:// URL, 'embedded' or a Knex instance"),
      z.custom<Knex>((value) => typeof value === 'function' && 'client' in value, 'must be a Knex instance'),
    ])
    .optional(),
  schema: z.string().regex(schemaName, 'must be a lower-case SQL name').optional(),
  publicBaseUrl: z.string().optional(),
  allowedOrigins: z.union([z.array(z.string()), callable<(origin: string) => boolean>()]).optional(),
  issuer: z.string().min(1).optional(),
  audience: z.string().min(1).optional(),
  secrets: z.array(z.strictObject({ version: z.int().min(1).max(999_999_999), value: z.string() })).optional(),
  signingKeys: z
    .array(
      z.strictObject({
        privateKey: z.string().optional(),
        publicKey: z.string().optional(),
        kid: z.string().min(1).max(200).optional(),
      }),
    )
    .optional(),
  cookies: z.strictObject({ secure: z.boolean().optional(), prefix: z.boolean().optional() }).optional(),
  accessTokenSeconds: seconds(10, 86_400).optional(),
  refreshTokenSeconds: seconds(60, longestSession).optional(),
  refreshGraceSeconds: seconds(0, 60).optional(),
  sessionIdleSeconds: seconds(300, year).optional(),
  passwords: z
    .strictObject({
      minLength: z.int().min(8).max(64).optional(),
      refuse: callable<(password: string) => boolean | Promise<boolean>>().optional(),
      argon2: z
        .strictObject({
          memoryKiB: z.int().positive(),
          iterations: z.int().positive(),
          parallelism: z.int().positive(),
        })
        .optional(),
    })
    .optional(),
  tokens: z
    .strictObject({
      exposeAccessToken: z.boolean().optional(),
      accessTokenClaims: callable<(user: ClaimsUser) => Readonly<Record<string, unknown>>>().optional(),
    })
    .optional(),
  mfa: z
    .strictObject({
      issuer: z
        .string()
        .regex(/^[^:\p{C}]{1,64}$/u, 'must be up to 64 characters without a colon')
        .optional(),
      requiredFor: z.array(z.enum(['owner', 'admin', 'billing', 'member', 'viewer'])).optional(),
    })
    .optional(),
  registration: z
    .strictObject({
      mode: z.enum(['open', 'invitation', 'closed']).optional(),
      verification: z.enum(['later', 'first']).optional(),
      organization: z.enum(['required', 'personal', 'none']).optional(),
      fields: z
        .custom<FieldsSchema>(
          (value) => typeof (value as FieldsSchema | null)?.safeParse === 'function',
          'must be a zod schema',
        )
        .optional(),
    })
    .optional(),
  passkeys: z
    .strictObject({
      rpId: z
        .string()
        .regex(/^(localhost|([a-z0-9-]+\.)+[a-z][a-z0-9-]*)$/, 'must be a domain in lower case')
        .optional(),
      rpName: z.string().min(1).max(64).optional(),
      relatedOrigins: z.array(z.string()).optional(),
    })
    .optional(),
  mailer: z
    .strictObject({
      from: z
        .string()
        .regex(/^([^<>\r\n]* )?<?[^\s<>@,]+@[^\s<>@,]+>?$/, 'must be one address, e.g. Example <no-reply@example.com>')
        .optional(),
      smtpUrl: z
        .string()
        .regex(/^smtps?:\/\/\S+$/, 'must be an smtp:// or smtps:// address')
        .optional(),
      sendMail: callable<(message: MailMessage) => unknown>().optional(),
      templates: z
        .partialRecord(z.enum(Object.keys(defaultTemplates) as [MailName, ...MailName[]]), callable<never>())
        .optional(),
    })
    .optional(),
  pages: z
    .strictObject({
      signIn: page.optional(),
      resetPassword: page.optional(),
      verifyEmail: page.optional(),
      signInLink: page.optional(),
      confirmEmail: page.optional(),
      undo: page.optional(),
    })
    .optional(),
  rbac: z.record(z.string(), z.array(z.string().min(1))).optional(),
  hooks: z
    .strictObject({
      beforeRegister: callable<Hooks['beforeRegister']>().optional(),
      beforeSignIn: callable<Hooks['beforeSignIn']>().optional(),
      onRegister: callable<Hooks['onRegister']>().optional(),
      onSignIn: callable<Hooks['onSignIn']>().optional(),
      onSignOut: callable<Hooks['onSignOut']>().optional(),
      onPasswordChanged: callable<Hooks['onPasswordChanged']>().optional(),
      onSessionRevoked: callable<Hooks['onSessionRevoked']>().optional(),
      onRefreshReused: callable<Hooks['onRefreshReused']>().optional(),
    })
    .optional(),
  logger: z
    .custom<Logger>(
      (value) =>
        ['debug', 'info', 'warn', 'error'].every(
          (level) => typeof (value as Record<string, unknown> | null)?.[level] === 'function',
        ),
      'must have the functions debug, info, warn and error',
    )
    .optional(),
  worker: z.enum(['in-process', 'external']).optional(),
  development: z.boolean().optional(),
})

/** Parses the options, or throws a ConfigurationError for the first one at fault. */
export function parseOptions(options: unknown): IdentSphereOptions {
  return parseWith(optionsSchema, options) as IdentSphereOptions
}

/** The same for options of another shape. */
export function parseWith(schema: z.ZodType, options: unknown): unknown {
  const parsed = schema.safeParse(options)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  if (issue?.code === 'unrecognized_keys') {
    const prefix = issue.path.length > 0 ? `${issue.path.join('.')}.` : ''
    throw new ConfigurationError(`${prefix}${issue.keys[0]}`, 'is not an option', 'Remove it or correct its spelling.')
  }
  throw new ConfigurationError(
    issue?.path.join('.') || 'options',
    `is not valid: ${issue?.message ?? 'wrong type'}`,
    "See the README's table of options.",
  )
}
