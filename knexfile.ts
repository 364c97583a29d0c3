import type { Knex } from 'knex'
import type { Client } from 'pg'
import { createSchemaSql, migrationConfig } from './lib/store/migrate.js'

const schema = process.env.IDENTSPHERE_SCHEMA ?? 'identsphere'

/**
 * For Knex's own command line: `migrate:latest`, `migrate:status`, `migrate:rollback --all`. Knex keeps its record inside the
 * schema, so the schema is made first.
 */
const config: Knex.Config = {
  client: 'pg',
  connection: process.env.DATABASE_URL ?? '',
  pool: {
    min: 0,
    max: 2,
    afterCreate: (connection: Client, done: (error: Error | null, connection: Client) => void) => {
      connection.query(createSchemaSql(schema), (error) => done(error, connection))
    },
  },
  migrations: migrationConfig(schema),
}

export default config
