/**
 * The application's own migrations, with their own record. Run those of IdentSphere first, because these refer to its tables:
 *
 *     npx identsphere migrate
 *     npx knex migrate:latest --knexfile examples/own-knex/knexfile.js
 */
import { join } from 'node:path'

export default {
  client: 'pg',
  connection: process.env.DATABASE_URL,
  // Postgres searches the schema with the user's name first, and that name may be `identsphere`.
  searchPath: ['public'],
  migrations: { directory: join(import.meta.dirname, 'migrations'), loadExtensions: ['.js'] },
}
