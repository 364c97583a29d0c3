import { z } from 'zod'
import { ConfigurationError } from '../../core/config/configuration-error.js'
import { defineOptions } from '../../core/config/define-options.js'
import { callable } from '../../core/config/fields.js'
import { withoutSlash } from '../../core/config/public-base-url.js'
import { loadSigningKeys, parsePemBundle, type SigningKeyInput, type SigningKeys } from './signing-keys.js'

/** The user of a new access token, as `tokens.accessTokenClaims` receives it. */
export interface ClaimsUser {
  userId: string
  email: string
  organizationId: string | null
}

export interface TokenOptions {
  /** `iss` of access tokens. Default: `publicBaseUrl`. Environment: `IDENTSPHERE_ISSUER`. */
  issuer?: string
  /** `aud` of access tokens. Default: the issuer. Environment: `IDENTSPHERE_AUDIENCE`. */
  audience?: string
  /**
   * RSA keys `{ privateKey, publicKey, kid }` as PEM. The first key signs. The others only verify. Default: HS256 with the secret in
   * development. Environment: `IDENTSPHERE_RSA_PRIVATE_KEY_PEM`, and `IDENTSPHERE_RSA_VERIFY_KEYS_PEM` for other keys.
   */
  signingKeys?: ReadonlyArray<{ privateKey?: string; publicKey?: string; kid?: string }>
  tokens?: {
    /** Also sends the access token in the body of cookie sign-ins. Default `false`. */
    exposeAccessToken?: boolean
    /** A function that returns more claims for access tokens. Reserved names are refused. Default: none. */
    accessTokenClaims?: (user: ClaimsUser) => Readonly<Record<string, unknown>>
  }
}

export interface TokenSettings {
  readonly issuer: string
  readonly audience: string
  readonly signingKeys: SigningKeys
  readonly exposeAccessToken: boolean
  readonly accessTokenClaims: ((user: ClaimsUser) => Readonly<Record<string, unknown>>) | null
}

export const options = defineOptions({
  fields: {
    issuer: z.string().min(1).optional(),
    audience: z.string().min(1).optional(),
    signingKeys: z
      .array(
        z.strictObject({
          privateKey: z.string().optional(),
          publicKey: z.string().optional(),
          kid: z.string().min(1).max(200).optional(),
        }),
      )
      .default([]),
    'tokens.exposeAccessToken': z.boolean().default(false),
    'tokens.accessTokenClaims': callable<(user: ClaimsUser) => Readonly<Record<string, unknown>>>().optional(),
  },
  environment: {
    issuer: (variables) => variables.IDENTSPHERE_ISSUER,
    audience: (variables) => variables.IDENTSPHERE_AUDIENCE,
    signingKeys: signingKeysFrom,
  },
  resolve(values, core): TokenSettings {
    const issuer = values.issuer ?? withoutSlash(core.publicBaseUrl.href)
    return {
      issuer,
      audience: values.audience ?? issuer,
      signingKeys: loadSigningKeys({
        signingKeys: values.signingKeys as SigningKeyInput[],
        jwtSecret: core.jwtSecret,
        allowHs256: core.development,
      }),
      exposeAccessToken: values['tokens.exposeAccessToken'],
      accessTokenClaims: values['tokens.accessTokenClaims'] ?? null,
    }
  },
})

function signingKeysFrom(variables: NodeJS.ProcessEnv): TokenOptions['signingKeys'] {
  const active = variables.IDENTSPHERE_RSA_PRIVATE_KEY_PEM
  const others = variables.IDENTSPHERE_RSA_VERIFY_KEYS_PEM
  if (active === undefined) {
    if (others === undefined) return undefined
    throw new ConfigurationError(
      'IDENTSPHERE_RSA_VERIFY_KEYS_PEM',
      'is set without a signing key',
      'Set IDENTSPHERE_RSA_PRIVATE_KEY_PEM too.',
    )
  }
  const signing = parsePemBundle(active)
  if (signing.length !== 1) {
    throw new ConfigurationError(
      'IDENTSPHERE_RSA_PRIVATE_KEY_PEM',
      `contains ${signing.length} keys`,
      'Set it to the signing key only. Put other keys into IDENTSPHERE_RSA_VERIFY_KEYS_PEM.',
    )
  }
  const verifyOnly = others === undefined ? [] : parsePemBundle(others, 'IDENTSPHERE_RSA_VERIFY_KEYS_PEM')
  return [
    { privateKey: signing[0] as string },
    ...verifyOnly.map((pem) => (pem.includes('PRIVATE KEY') ? { privateKey: pem } : { publicKey: pem })),
  ]
}
