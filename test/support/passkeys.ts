import { createPrivateKey, sign } from 'node:crypto'
import { createRequire } from 'node:module'
import { sha256 } from '../../lib/core/crypto/digest.js'
import { password, type TestApp } from './app.js'
import type { Answer, Client } from './client.js'
import { type Person, verifiedPerson } from './people.js'

/** A browser's answer as JSON. */
export interface Credential {
  id: string
  rawId: string
  type: string
  response: Record<string, string> & { clientDataJSON: string }
}

/** An authenticator with its browser. */
export interface Authenticator {
  createJSON(origin: string, options: object): Credential
  getJSON(origin: string, options: object): Credential
  authenticator: { params: Parameters & { credentialsRepository: Repository } }
}

interface Repository {
  loadCredentials(): Array<{ publicKeyCredentialSource: { id: Uint8Array; privateKey: Uint8Array } }>
}

interface Parameters {
  signCounterIncrement?: number
  verifications?: { userPresent: boolean; userVerified: boolean }
  transports?: string[]
  algorithmIdentifiers?: string[]
}

interface Emulator {
  default: new (authenticator: object) => Authenticator
  AuthenticatorEmulator: new (parameters: Parameters & { credentialsRepository: Repository }) => object
  PasskeysCredentialsMemoryRepository: new () => Repository
}

/** A new authenticator. Its own types need those of a browser, so what is used of them is written above. */
export function newAuthenticator(parameters: Parameters = {}): Authenticator {
  const require = createRequire(import.meta.url)
  const emulator = require('nid-webauthn-emulator') as Emulator
  // Without one of its own, it would share the credentials of all others.
  const credentialsRepository = new emulator.PasskeysCredentialsMemoryRepository()
  return new emulator.default(new emulator.AuthenticatorEmulator({ ...parameters, credentialsRepository }))
}

/**
 * The same assertion over other client data or authenticator data, signed with the authenticator's own key: what is wrong
 * with it is not the signature.
 */
export function signedAgain(
  authenticator: Authenticator,
  credential: Credential,
  change: { clientData?: Record<string, unknown>; authenticatorData?: (bytes: Buffer) => void },
): Credential {
  const stored = authenticator.authenticator.params.credentialsRepository
    .loadCredentials()
    .find(({ publicKeyCredentialSource: { id } }) => Buffer.from(id).toString('base64url') === credential.id)
  if (stored === undefined) throw new Error('this authenticator has no such credential')
  const key = createPrivateKey({
    key: Buffer.from(stored.publicKeyCredentialSource.privateKey),
    format: 'der',
    type: 'pkcs8',
  })
  const { response } = withClientData(credential, change.clientData ?? {})
  const authData = Buffer.from(response.authenticatorData ?? '', 'base64url')
  change.authenticatorData?.(authData)
  const signed = Buffer.concat([authData, sha256(Buffer.from(response.clientDataJSON, 'base64url'))])
  const signature = sign(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', signed, key)
  return {
    ...credential,
    response: {
      ...response,
      authenticatorData: authData.toString('base64url'),
      signature: signature.toString('base64url'),
    },
  }
}

/** Client data with other members, as a page or a relay could have made it. */
export function withClientData(credential: Credential, change: Record<string, unknown>): Credential {
  const data = JSON.parse(Buffer.from(credential.response.clientDataJSON, 'base64url').toString('utf8'))
  const clientDataJSON = Buffer.from(JSON.stringify({ ...data, ...change })).toString('base64url')
  return { ...credential, response: { ...credential.response, clientDataJSON } }
}

/** Begins a registration, after the proof that a first one needs. @returns the options */
export async function beginRegistration(client: Client): Promise<object> {
  await client.post('/v1/auth/reauthenticate', { password, purpose: 'passkey_registration' })
  const begun = await client.post('/v1/users/me/passkeys/register/begin')
  if (begun.status !== 200) throw new Error(`begin answered ${begun.status}: ${begun.text}`)
  return begun.body.options
}

/** Registers a passkey of this authenticator. */
export async function register(
  app: Pick<TestApp, 'origin'>,
  client: Client,
  authenticator: Authenticator,
  label?: string,
): Promise<Answer> {
  const response = authenticator.createJSON(app.origin, await beginRegistration(client))
  return client.post('/v1/users/me/passkeys/register/complete', { response, ...(label === undefined ? {} : { label }) })
}

/** Somebody with a passkey. */
export async function personWithPasskey(
  app: TestApp,
  authenticator = newAuthenticator(),
): Promise<Person & { authenticator: Authenticator; passkeyId: string }> {
  const person = await verifiedPerson(app)
  const answer = await register(app, person.client, authenticator)
  if (answer.status !== 201) throw new Error(`registration answered ${answer.status}: ${answer.text}`)
  return { ...person, authenticator, passkeyId: answer.body.passkey.id }
}

/** Begins a sign-in. @returns the options */
export async function beginLogin(client: Client, body: object = {}): Promise<object> {
  const begun = await client.post('/v1/auth/passkey/login/begin', body)
  if (begun.status !== 200) throw new Error(`begin answered ${begun.status}: ${begun.text}`)
  return begun.body.options
}

/** Signs in with a passkey. */
export async function signInWith(
  app: Pick<TestApp, 'origin'>,
  client: Client,
  authenticator: Authenticator,
  body: object = {},
): Promise<Answer> {
  const response = authenticator.getJSON(app.origin, await beginLogin(client, body))
  return client.post('/v1/auth/passkey/login/complete', { response })
}

/** An answer to a question asked at `path`/begin, in this session. */
export async function answerAt(
  app: Pick<TestApp, 'origin'>,
  client: Client,
  authenticator: Authenticator,
  path: string,
  body: object = {},
): Promise<Credential> {
  const begun = await client.post(path, body)
  if (begun.status !== 200) throw new Error(`${path} answered ${begun.status}: ${begun.text}`)
  return authenticator.getJSON(app.origin, begun.body.options)
}

/** A sign-in by password that waits for a second factor, of somebody who has a confirmed TOTP. @returns its `mfa_token` */
export async function challengeFor(app: TestApp, { userId, email }: Pick<Person, 'userId' | 'email'>): Promise<string> {
  await app.sql(
    `INSERT INTO identsphere.mfa_factors (id, user_id, kind, key_version, sealed_secret, created_at, confirmed_at)
     VALUES (gen_random_uuid(), $1, 'totp', 1, '\\x00', now(), now()) ON CONFLICT DO NOTHING`,
    [userId],
  )
  const { status, body } = await app.client().post('/v1/auth/login', { email, password })
  if (status !== 200 || body.status !== 'mfa_required') throw new Error('no second factor was asked for')
  return body.mfa_token
}
