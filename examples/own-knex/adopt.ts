/**
 * Brings the users of an older table over, in batches: `npx tsx examples/own-knex/adopt.ts`. It may be stopped and run again:
 * who is there already, by the id in the old table, is left alone. Old passwords go on working, and are hashed anew at the
 * first sign-in.
 */
import knex from 'knex'
import { createIdentSphere, IdentSphereError } from '../../lib/index.js' // in your application: from 'identsphere'

interface LegacyUser {
  id: number
  email: string
  full_name: string | null
  /** bcrypt or Argon2. */
  password_digest: string | null
  confirmed: boolean
}

const batch = 500
const db = knex({ client: 'pg', connection: process.env.DATABASE_URL ?? '', searchPath: ['public'] })
const identsphere = createIdentSphere({ database: db, development: true })
const counts = { adopted: 0, known: 0, refused: 0 }

for (let last = 0; ; ) {
  const rows: LegacyUser[] = await db
    .select('id', 'email', 'full_name', 'password_digest', 'confirmed')
    .from('legacy_users')
    .where('id', '>', last)
    .orderBy('id')
    .limit(batch)
  for (const row of rows) {
    try {
      const { created } = await identsphere.api.users.import({
        email: row.email,
        externalId: String(row.id),
        emailVerified: row.confirmed,
        ...(row.full_name === null ? {} : { displayName: row.full_name }),
        ...(row.password_digest === null ? {} : { passwordHash: row.password_digest }),
      })
      counts[created ? 'adopted' : 'known'] += 1
    } catch (error) {
      if (!(error instanceof IdentSphereError) || error.status >= 500) throw error
      counts.refused += 1
      console.error(`legacy user ${row.id}: ${error.code}`)
    }
  }
  last = rows.at(-1)?.id ?? last
  if (rows.length < batch) break
}

console.log(JSON.stringify(counts))
await identsphere.close()
await db.destroy()
