import { execFile } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { hash as bcryptHash } from 'bcrypt'
import type { Children } from '../children.js'
import type { IdentSphereInput } from '../servers/identsphere.js'
import { loginUsers, password, tableRows, usedSessions } from '../settings.js'
import { type AccessTokenMint, mintFrom } from './access-tokens.js'
import { fillTables, withClient } from './sql.js'

/** The keys of every server that signs. */
export interface Keys {
  privateKey: string
  publicKey: string
  secret: string
}

/** A database that one build of IdentSphere made and can serve. */
export interface IdentSphereSeed {
  /** What a server of this build is started with. */
  input: IdentSphereInput
  mint: AccessTokenMint
  /** The stored Argon2id hash of {@link password}. */
  passwordHash: string
  /** The organization that everybody is an admin of. */
  organizationId: string
}

export function newKeys(): Keys {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  return { privateKey, publicKey, secret: randomBytes(32).toString('base64url') }
}

/**
 * Makes the tables with the build's own command, and one account over HTTP. Its token and its hash are the patterns of all
 * others, so nothing of the product's inside is used but its tables.
 *
 * @param entry the file `lib/index.js` of a build
 */
export async function prepareIdentSphere(
  children: Children,
  entry: string,
  databaseUrl: string,
  keys: Keys,
): Promise<IdentSphereSeed> {
  const command = join(entry, '..', 'cli', 'identsphere.js')
  await promisify(execFile)(process.execPath, [command, 'migrate'], {
    env: { ...process.env, DATABASE_URL: databaseUrl },
  })
  const input = { entry, databaseUrl, privateKey: keys.privateKey, secret: keys.secret }
  const server = await children.startServer('identsphere', input)
  const token = await register(server.url)
  await server.stop()
  const mint = mintFrom(token, keys.privateKey)
  const passwordHash = await withClient(databaseUrl, async (client) => {
    const { rows } = await client.query('SELECT password_hash FROM identsphere.users WHERE id = $1', [mint.pattern.sub])
    return (rows[0] as { password_hash: string }).password_hash
  })
  return { input, mint, passwordHash, organizationId: mint.pattern.org }
}

async function register(url: string): Promise<string> {
  const response = await fetch(`${url}/v1/auth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: 'first@example.com', password, organization_name: 'Bench' }),
  })
  const cookies = response.headers.getSetCookie().join('; ')
  const token = /identsphere_at=([^;]+)/.exec(cookies)?.[1]
  if (token === undefined) throw new Error(`registration was answered ${response.status}: ${await response.text()}`)
  return token
}

/** Adds users with a session each, all of them admins. The first have an Argon2id hash, the next a bcrypt hash. */
export async function fillIdentSphere({ input, passwordHash, organizationId }: IdentSphereSeed): Promise<void> {
  const bcrypt = await bcryptHash(password, 12)
  const organization = `'${organizationId}'`
  await fillTables(
    input.databaseUrl,
    'identsphere',
    `INSERT INTO identsphere.users (id, email, password_hash, created_at, updated_at)
       SELECT gen_random_uuid(), 'user' || n || '@example.com',
         CASE WHEN n <= ${loginUsers} THEN '${passwordHash}' WHEN n <= ${2 * loginUsers} THEN '${bcrypt}' END,
         now(), now()
       FROM generate_series(1, ${tableRows}) n;
     INSERT INTO identsphere.organization_memberships (organization_id, user_id, role, created_at)
       SELECT ${organization}, id, 'admin', now() FROM identsphere.users ON CONFLICT DO NOTHING;
     INSERT INTO identsphere.user_sessions (${sessionColumns})
       SELECT ${sessionValues(organization)} FROM identsphere.users u;`,
  )
}

export const sessionColumns =
  'id, user_id, organization_id, auth_method, amr, auth_time, security_version, created_at, last_seen_at, expires_at'

/** Values of a session for the user `u`. @param organizationId as an SQL literal */
export function sessionValues(organizationId: string): string {
  return `gen_random_uuid(), u.id, ${organizationId}, 'password', '{pwd}', now(), 1, now(), now(), now() + interval '30 days'`
}

/** Access tokens of live sessions, each of another user who has no password. */
export async function liveTokens({ input, mint }: IdentSphereSeed): Promise<string[]> {
  const rows = await withClient(input.databaseUrl, async (client) => {
    const result = await client.query<{ sid: string; sub: string; email: string }>(
      `SELECT s.id AS sid, u.id AS sub, u.email FROM identsphere.user_sessions s
       JOIN identsphere.users u ON u.id = s.user_id WHERE u.password_hash IS NULL ORDER BY s.id LIMIT $1`,
      [usedSessions],
    )
    return result.rows
  })
  return Promise.all(rows.map(mint.mint))
}

/** Addresses of accounts that can sign in. */
export function loginEmails(): string[] {
  return Array.from({ length: loginUsers }, (_, index) => `user${index + 1}@example.com`)
}

/** Addresses of accounts with a bcrypt hash, as after an import. */
export function bcryptEmails(): string[] {
  return Array.from({ length: loginUsers }, (_, index) => `user${index + 1 + loginUsers}@example.com`)
}
