import type { Children } from '../children.js'
import type { BenchPostgres } from '../postgres.js'
import { type IdentSphereSeed, type Keys, prepareIdentSphere, sessionColumns, sessionValues } from './identsphere.js'
import { fillTables, withClient } from './sql.js'

/** A database with a given number of sessions. */
export interface SizeSeed {
  sessions: number
  identsphere: IdentSphereSeed
  /** The same number of tokens for every size: as many sessions as there are, and several tokens for each. */
  tokens: string[]
}

/** Fewer than a server remembers, so that signatures cost the same at every size. */
const tokenCount = 8_000
const sessionsPerUser = 5
export const smallSize = 1_000

export async function prepareSizes(
  children: Children,
  postgres: BenchPostgres,
  entry: string,
  keys: Keys,
  largeSize: number,
): Promise<SizeSeed[]> {
  const seeds: SizeSeed[] = []
  for (const sessions of [smallSize, largeSize]) {
    const url = await postgres.createDatabase(`size_${sessions}`)
    const identsphere = await prepareIdentSphere(children, entry, url, keys)
    await fill(identsphere, sessions)
    seeds.push({ sessions, identsphere, tokens: await tokensOf(identsphere, sessions) })
  }
  return seeds
}

async function fill({ input, organizationId }: IdentSphereSeed, sessions: number): Promise<void> {
  const organization = `'${organizationId}'`
  await fillTables(
    input.databaseUrl,
    'identsphere',
    `INSERT INTO identsphere.users (id, email, created_at, updated_at)
       SELECT gen_random_uuid(), 'user' || n || '@example.com', now(), now()
       FROM generate_series(1, ${Math.ceil(sessions / sessionsPerUser)}) n;
     INSERT INTO identsphere.organization_memberships (organization_id, user_id, role, created_at)
       SELECT ${organization}, id, 'admin', now() FROM identsphere.users WHERE password_hash IS NULL;
     INSERT INTO identsphere.user_sessions (${sessionColumns})
       SELECT ${sessionValues(organization)} FROM identsphere.users u, generate_series(1, ${sessionsPerUser})
       WHERE u.password_hash IS NULL;`,
  )
}

/** Tokens of sessions that are spread over the whole table: their ids are random. */
async function tokensOf({ input, mint }: IdentSphereSeed, sessions: number): Promise<string[]> {
  // A fifth more than needed, because the number of sampled rows varies.
  const percent = Math.min(100, (120 * tokenCount) / sessions)
  const rows = await withClient(input.databaseUrl, async (client) => {
    const result = await client.query<{ sid: string; sub: string; email: string }>(
      `SELECT s.id AS sid, u.id AS sub, u.email
       FROM identsphere.user_sessions s TABLESAMPLE BERNOULLI (${percent})
       JOIN identsphere.users u ON u.id = s.user_id WHERE u.password_hash IS NULL ORDER BY s.id LIMIT $1`,
      [tokenCount],
    )
    return result.rows
  })
  const tokens = Array.from({ length: tokenCount }, (_, index) => rows[index % rows.length])
  return Promise.all(tokens.flatMap((row) => (row === undefined ? [] : [mint.mint(row)])))
}
