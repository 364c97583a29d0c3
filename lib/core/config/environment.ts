import { parsePemBundle } from '../../features/tokens/signing-keys.js'
import { ConfigurationError } from './configuration-error.js'
import type { IdentSphereOptions } from './options.js'
import { parseSecrets } from './secrets.js'

/** The options, with what is absent taken from the environment. */
export function withEnvironment(options: IdentSphereOptions, environment: NodeJS.ProcessEnv): IdentSphereOptions {
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
