import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { hash } from 'bcrypt'
import knexLibrary from 'knex'
import { systemClock } from '../lib/core/config/clock.js'
import { migrateDatabase } from '../lib/core/store/migrate.js'
import { argon2Minimum, hashArgon2id } from '../lib/features/passwords/schemes/argon2id.js'
import { createAccessTokens } from '../lib/features/tokens/access-tokens.js'
import { loadSigningKeys } from '../lib/features/tokens/signing-keys.js'

export const publicBaseUrl = 'https://bench.example.com'
export const password = 'correct-horse-battery-7'

/** What the servers and the load generator work with. */
export interface Seed {
  databaseUrl: string
  privateKey: string
  publicKey: string
  secret: string
  /** Access tokens of live sessions, each of another user. */
  tokens: string[]
  /** Addresses of users with an Argon2id hash of {@link password}. */
  argon2Users: string[]
  /** Addresses of users with a bcrypt hash, as after an import. */
  bcryptUsers: string[]
}

const rows = 100_000
const sessionsUsed = 500
const loginUsers = 500

/** Fills an empty database: 100 000 users with a session each, in one organisation, all of them admins. */
export async function seed(databaseUrl: string): Promise<Seed> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  const knex = knexLibrary({ client: 'pg', connection: databaseUrl })
  try {
    await migrateDatabase(knex, { schema: 'identsphere' })
    await knex.raw(
      `
      INSERT INTO identsphere.organizations (id, name, slug, created_at, updated_at)
        VALUES (gen_random_uuid(), 'Bench', 'bench', now(), now());
      INSERT INTO identsphere.users (id, email, password_hash, created_at, updated_at)
        SELECT gen_random_uuid(), 'user' || n || '@example.com',
          CASE WHEN n <= ${loginUsers} THEN '${await hashArgon2id(password, argon2Minimum)}'
               WHEN n <= ${2 * loginUsers} THEN '${await hash(password, 12)}' END, now(), now()
        FROM generate_series(1, ${rows}) n;
      INSERT INTO identsphere.organization_memberships (organization_id, user_id, role, created_at)
        SELECT o.id, u.id, 'admin', now() FROM identsphere.users u, identsphere.organizations o;
      INSERT INTO identsphere.user_sessions
          (id, user_id, organization_id, auth_method, amr, auth_time, security_version, created_at, last_seen_at, expires_at)
        SELECT gen_random_uuid(), u.id, o.id, 'password', '{pwd}', now(), 1, now(), now(), now() + interval '30 days'
        FROM identsphere.users u, identsphere.organizations o;
      CREATE TABLE bench (id serial PRIMARY KEY, value integer NOT NULL);
      INSERT INTO bench (value) SELECT 0 FROM generate_series(1, 1000);
      `.replaceAll('?', '\\?'),
    )
    await knex.raw('VACUUM ANALYZE')
    const { rows: sessions } = await knex.raw<{
      rows: { id: string; user_id: string; organization_id: string; email: string }[]
    }>(
      `SELECT s.id, s.user_id, s.organization_id, u.email FROM identsphere.user_sessions s
       JOIN identsphere.users u ON u.id = s.user_id WHERE u.password_hash IS NULL ORDER BY s.id LIMIT ?`,
      [sessionsUsed],
    )
    const accessTokens = createAccessTokens({
      keys: loadSigningKeys({ signingKeys: [{ privateKey }], jwtSecret: undefined, allowHs256: false }),
      issuer: publicBaseUrl,
      audience: publicBaseUrl,
      clock: systemClock,
    })
    const claims = { epoch: 0, auth_time: Math.floor(Date.now() / 1000), amr: ['pwd'], dlv: 'cookie' as const }
    return {
      databaseUrl,
      privateKey,
      publicKey,
      secret: randomBytes(32).toString('base64url'),
      tokens: sessions.map(({ id, user_id, organization_id, email }) =>
        accessTokens.sign({ ...claims, sub: user_id, sid: id, org: organization_id, email }, 86_400),
      ),
      argon2Users: addresses(1),
      bcryptUsers: addresses(1 + loginUsers),
    }
  } finally {
    await knex.destroy()
  }
}

function addresses(from: number): string[] {
  return Array.from({ length: loginUsers }, (_, index) => `user${from + index}@example.com`)
}
