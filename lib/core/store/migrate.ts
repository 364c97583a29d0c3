import type { Knex } from 'knex'
import { migrations } from '../../../migrations/index.js'

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
 * Runs `work` in one transaction behind an advisory lock, so that any number of processes may do it at once, and a crash
 * half-way leaves nothing behind and no stuck lock.
 */
function exclusively<T>(knex: Knex, work: (trx: Knex.Transaction) => Promise<T>): Promise<T> {
  return knex.transaction(async (trx) => {
    await trx.raw('SELECT pg_advisory_xact_lock(?)', [lockNumber])
    return work(trx)
  })
}

/** Brings the schema up to date. @returns names of the migrations that this call ran */
export function migrateDatabase(knex: Knex, { schema }: { schema: string }): Promise<string[]> {
  return exclusively(knex, async (trx) => {
    await trx.raw(createSchemaSql(schema))
    const [, ran]: [number, string[]] = await trx.migrate.latest(migrationConfig(schema))
    return ran
  })
}

/**
 * Makes the schema and Knex's record in it, for Knex's own command. Knex would make them without a lock, and of several
 * processes all but one would fail.
 */
export function prepareRecord(knex: Knex, { schema }: { schema: string }): Promise<void> {
  return exclusively(knex, async (trx) => {
    await trx.raw(createSchemaSql(schema))
    await trx.migrate.list(migrationConfig(schema))
  })
}

/**
 * Undoes every migration, then removes Knex's record and the schema, where nobody else has anything in it.
 *
 * @returns what keeps the schema there; empty where it is gone
 * @throws an error of the database where tables of others refer to ours: then nothing has changed
 */
export function removeDatabase(knex: Knex, { schema }: { schema: string }): Promise<string[]> {
  return exclusively(knex, async (trx) => {
    const [{ found }] = (await trx.raw('SELECT to_regnamespace(?) IS NOT NULL AS found', [`"${schema}"`])).rows
    if (!found) return []
    await trx.migrate.rollback(migrationConfig(schema), true)
    await trx.raw(`DROP TABLE "${schema}".${migrationsTable}, "${schema}".${migrationsTable}_lock`)
    const left: Array<{ what: string }> = (
      await trx.raw(
        `SELECT pg_describe_object(classid, objid, objsubid) AS what FROM pg_depend
         WHERE refclassid = 'pg_namespace'::regclass AND refobjid = to_regnamespace(?) AND deptype = 'n'
         UNION ALL SELECT 'the schema of another role' FROM pg_namespace
         WHERE oid = to_regnamespace(?) AND NOT pg_has_role(nspowner, 'USAGE') ORDER BY 1`,
        [`"${schema}"`, `"${schema}"`],
      )
    ).rows
    if (left.length === 0) await trx.raw(`DROP SCHEMA "${schema}"`)
    return left.map(({ what }) => what)
  })
}

/** Every migration, and whether the database has seen it. */
export async function migrationStatus(knex: Knex, schema: string): Promise<Array<{ name: string; done: boolean }>> {
  const known = Object.keys(migrations).sort()
  const [{ found }] = (await knex.raw('SELECT to_regclass(?) IS NOT NULL AS found', [`"${schema}".${migrationsTable}`]))
    .rows
  const rows: Array<{ name: string }> = found ? await knex.withSchema(schema).table(migrationsTable).select('name') : []
  const names = new Set(rows.map((row) => row.name))
  return known.map((name) => ({ name, done: names.has(name) }))
}

/** Names of migrations that the database has not seen. */
export async function pendingMigrations(knex: Knex, schema: string): Promise<string[]> {
  return (await migrationStatus(knex, schema)).filter(({ done }) => !done).map(({ name }) => name)
}
