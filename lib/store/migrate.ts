import type { Knex } from 'knex'
import { migrations } from '../../migrations/index.js'

/** Name of our record of migrations, inside our schema and apart from the host's. */
export const migrationsTable = 'migrations'

/** Any number that no other advisory lock of the host is likely to use: 'IDSP' as ASCII. */
const lockNumber = 0x49445350

/** Knex's view of our migrations. Names carry no file extension, so that sources and builds record the same. */
export function migrationSource(schema: string): Knex.MigrationSource<string> {
  return {
    getMigrations: async () => Object.keys(migrations).sort(),
    getMigrationName: (name) => name,
    getMigration: async (name) => {
      const migration = migrations[name]
      if (migration === undefined) throw new Error(`unknown migration ${name}`)
      return { up: (knex) => migration.up(knex, schema), down: (knex) => migration.down(knex, schema) }
    },
  }
}

export function migrationConfig(schema: string): Knex.MigratorConfig {
  return { migrationSource: migrationSource(schema), tableName: migrationsTable, schemaName: schema }
}

/**
 * Creates the schema where it is missing. `CREATE SCHEMA IF NOT EXISTS` would need a right on the whole database even where
 * an administrator has made the schema already.
 */
export function createSchemaSql(schema: string): string {
  return `DO $$ BEGIN IF to_regnamespace('"${schema}"') IS NULL THEN CREATE SCHEMA "${schema}"; END IF; END $$`
}

/**
 * Brings the schema up to date. Any number of processes may call it at once: all of it is one transaction behind an
 * advisory lock, so a crash half-way leaves nothing behind and no stuck lock.
 */
export async function migrateDatabase(knex: Knex, options: { schema: string }): Promise<void> {
  await knex.transaction(async (trx) => {
    await trx.raw('SELECT pg_advisory_xact_lock(?)', [lockNumber])
    await trx.raw(createSchemaSql(options.schema))
    await trx.migrate.latest(migrationConfig(options.schema))
  })
}

/** Names of migrations that the database has not seen. */
export async function pendingMigrations(knex: Knex, schema: string): Promise<string[]> {
  const known = Object.keys(migrations).sort()
  const [{ found }] = (await knex.raw('SELECT to_regclass(?) IS NOT NULL AS found', [`"${schema}".${migrationsTable}`]))
    .rows
  if (!found) return known
  const done: Array<{ name: string }> = await knex.withSchema(schema).table(migrationsTable).select('name')
  const names = new Set(done.map((row) => row.name))
  return known.filter((name) => !names.has(name))
}
