/**
 * The application's own migrations, with a record of their own. IdentSphere's come first, because these refer to its tables:
 *
 *     npx identsphere migrate
 *     npx knex migrate:latest --knexfile examples/own-knex/knexfile.js
 */
import { join } from 'node:path'

export default {
  client: 'pg',
  connection: process.env.DATABASE_URL,
  // Postgres looks into the schema of the user's own name first, and that may be `identsphere`.
  searchPath: ['public'],
  migrations: { directory: join(import.meta.dirname, 'migrations'), loadExtensions: ['.js'] },
}
