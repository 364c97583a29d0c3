import { migrationsTable } from '../core/store/migrate.js'
import type { Store, Tx } from '../core/store/store.js'

/**
 * Empties all tables of our schema, except the record of migrations. It uses one DELETE statement: TRUNCATE fails if the host has
 * foreign keys to our tables, or with CASCADE empties the host's tables. Rows of the host are deleted only by ON DELETE CASCADE.
 *
 * @throws Error if rows of a host's table refer to ours, or if the host's tables may be in our schema
 */
export async function emptyTables(store: Store, schemaName: string): Promise<void> {
  try {
    await store.transaction(async (tx) => {
      await assertApart(tx, schemaName)
      const guards = await guardsOf(tx, schemaName)
      // The database has quoted these names.
      for (const { table, trigger } of guards) await tx.trx.raw(`ALTER TABLE ${table} DISABLE TRIGGER ${trigger}`)
      const deletions = (await tablesOf(tx, schemaName)).map((table, index) => `d${index} AS (DELETE FROM ${table})`)
      await tx.trx.raw(`WITH ${deletions.join(', ')} SELECT`)
      for (const { table, trigger } of guards) await tx.trx.raw(`ALTER TABLE ${table} ENABLE TRIGGER ${trigger}`)
    })
  } catch (error) {
    const { code, schema, table } = error as { code?: string; schema?: string; table?: string }
    if (code !== '23503') throw error
    throw new Error(
      `identsphere.reset(): rows of your table ${schema}.${table} refer to rows of IdentSphere. Empty that table first, or declare its foreign key ON DELETE CASCADE.`,
      { cause: error },
    )
  }
}

/** Tables that the host creates without a schema name must not be in our schema. */
async function assertApart(tx: Tx, schemaName: string): Promise<void> {
  const [row] = await tx.sql<{ name: string | null }>`SELECT current_schema() AS name`
  if (row?.name !== schemaName) return
  throw new Error(
    `identsphere.reset(): the schema "${schemaName}" is the first in the search_path of this connection, so your own tables may be in it. ` +
      'Set the search_path of the user or the database to public, or use another name for the option schema.',
  )
}

async function tablesOf(tx: Tx, schemaName: string): Promise<string[]> {
  const rows = await tx.sql<{ table: string }>`
    SELECT format('%I.%I', schemaname, tablename) AS table FROM pg_tables
    WHERE schemaname = ${schemaName} AND tablename NOT IN (${migrationsTable}, ${`${migrationsTable}_lock`})`
  return rows.map(({ table }) => table)
}

/** Our triggers that refuse deletion, e.g. of audit rows. The owner of the table may disable them in a transaction. */
function guardsOf(tx: Tx, schemaName: string): Promise<Array<{ table: string; trigger: string }>> {
  return tx.sql`
    SELECT t.tgrelid::regclass::text AS table, quote_ident(t.tgname) AS trigger
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE c.relnamespace = to_regnamespace(${`"${schemaName}"`}) AND p.pronamespace = c.relnamespace
      AND NOT t.tgisinternal AND t.tgenabled = 'O'`
}
