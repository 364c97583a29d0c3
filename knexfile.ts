import knexLibrary, { type Knex } from 'knex'
import { databaseSetting } from './lib/core/config/database-setting.js'
import { migrationConfig, prepareRecord } from './lib/core/store/migrate.js'

/** For Knex's own command line: `migrate:latest`, `migrate:status`, `migrate:rollback --all`. */
export default async function config(): Promise<Knex.Config> {
  const { url, schema } = databaseSetting(process.env)
  const config = { client: 'pg', connection: url, pool: { min: 0, max: 2 }, migrations: migrationConfig(schema) }
  const knex = knexLibrary(config)
  try {
    await prepareRecord(knex, { schema })
  } finally {
    await knex.destroy()
  }
  return config
}
