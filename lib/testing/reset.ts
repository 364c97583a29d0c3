import { migrationsTable } from '../core/store/migrate.js'
import type { Store, Tx } from '../core/store/store.js'

/**
 * Empties every table of our schema but the record of migrations. One DELETE, for TRUNCATE stops at the first foreign key of
 * the host's, or with CASCADE empties the host's tables whole; rows of the host's go only where it declared ON DELETE CASCADE.
 *
 * @throws Error that names a table of the host's whose rows are in the way, or where the host's tables may be in our schema
 */
export async function emptyTables(store: Store, schemaName: string): Promise<void> {
  try {
    await store.transaction(async (tx) => {
      await assertApart(tx, schemaName)
      const guards = await guardsOf(tx, schemaName)
      // The names below were quoted by the database.
      for (const { table, trigger } of guards) await tx.trx.raw(`ALTER TABLE ${table} DISABLE TRIGGER ${trigger}`)
      const deletions = (await tablesOf(tx, schemaName)).map((table, index) => `d${index} AS (DELETE FROM ${table})`)
      await tx.trx.raw(`WITH ${deletions.join(', ')} SELECT`)
      for (const { table, trigger } of guards) await tx.trx.raw(`ALTER TABLE ${table} ENABLE TRIGGER ${trigger}`)
    })
  } catch (error) {
    const { code, schema, table } = error as { code?: string; schema?: string; table?: string }
    if (code !== '23503') throw error
    throw new Error(
      `identsphere.reset(): rows of your table ${schema}.${table} refer to IdentSphere's. Empty it first, or declare its foreign key ON DELETE CASCADE.`,
      { cause: error },
    )
  }
}

/** Tables that the host makes without naming a schema must not come to lie in ours. */
async function assertApart(tx: Tx, schemaName: string): Promise<void> {
  const [row] = await tx.sql<{ name: string | null }>`SELECT current_schema() AS name`
  if (row?.name !== schemaName) return
  throw new Error(
    `identsphere.reset(): the schema "${schemaName}" comes first in this connection's search_path, so your own tables may be in it. ` +
      "Set the user's or the database's search_path to public, or give the option schema another name.",
  )
}

async function tablesOf(tx: Tx, schemaName: string): Promise<string[]> {
  const rows = await tx.sql<{ table: string }>`
    SELECT format('%I.%I', schemaname, tablename) AS table FROM pg_tables
    WHERE schemaname = ${schemaName} AND tablename NOT IN (${migrationsTable}, ${`${migrationsTable}_lock`})`
  return rows.map(({ table }) => table)
}

/** Our own triggers, which refuse deletion, e.g. of audit rows. The owner may set them aside; others wait until the commit. */
function guardsOf(tx: Tx, schemaName: string): Promise<Array<{ table: string; trigger: string }>> {
  return tx.sql`
    SELECT t.tgrelid::regclass::text AS table, quote_ident(t.tgname) AS trigger
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE c.relnamespace = to_regnamespace(${`"${schemaName}"`}) AND p.pronamespace = c.relnamespace
      AND NOT t.tgisinternal AND t.tgenabled = 'O'`
}
