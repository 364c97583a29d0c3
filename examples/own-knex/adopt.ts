/**
 * Imports the users of an older table, in batches: `npx tsx examples/own-knex/adopt.ts`. You can stop it and run it again: users that
 * were imported before are skipped, by their id in the old table. Old passwords still work, and are hashed again at the first sign-in.
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

const batchSize = 500
const db = knex({ client: 'pg', connection: process.env.DATABASE_URL ?? '', searchPath: ['public'] })
const identsphere = createIdentSphere({ database: db, development: true })
const counts = { adopted: 0, known: 0, refused: 0 }

for (let lastId = 0; ; ) {
  const rows: LegacyUser[] = await db
    .select('id', 'email', 'full_name', 'password_digest', 'confirmed')
    .from('legacy_users')
    .where('id', '>', lastId)
    .orderBy('id')
    .limit(batchSize)
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
  lastId = rows.at(-1)?.id ?? lastId
  if (rows.length < batchSize) break
}

console.log(JSON.stringify(counts))
await identsphere.close()
await db.destroy()
