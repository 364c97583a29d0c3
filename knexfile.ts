import type { Knex } from 'knex'
import { migrationConfig } from './lib/store/migrate.js'

const schema = process.env.IDENTSPHERE_SCHEMA ?? 'identsphere'

/** For Knex's own command line: `npx knex migrate:latest`, `migrate:status`, `migrate:rollback --all`. */
const config: Knex.Config = {
  client: 'pg',
  connection: process.env.DATABASE_URL ?? '',
  migrations: migrationConfig(schema),
}

export default config
