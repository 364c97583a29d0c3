import pg from 'pg'

/** Runs `work` with one connection, which is closed afterwards. */
export async function withClient<T>(databaseUrl: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/**
 * Fills tables of one schema fast. Indexes that belong to no constraint are made at the end. Foreign keys are not checked,
 * because the rows are right.
 *
 * @param statements INSERT statements
 */
export async function fillTables(databaseUrl: string, schema: string, statements: string): Promise<void> {
  await withClient(databaseUrl, async (client) => {
    const { rows: indexes } = await client.query<{ name: string; definition: string }>(
      `SELECT c.oid::regclass::text AS name, pg_get_indexdef(c.oid) AS definition
       FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
       WHERE c.relnamespace = $1::regnamespace AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = c.oid)`,
      [schema],
    )
    for (const { name } of indexes) await client.query(`DROP INDEX ${name}`)
    await client.query(`SET session_replication_role = replica; SET maintenance_work_mem = '512MB'; ${statements}`)
    for (const { definition } of indexes) await client.query(definition)
    await client.query('VACUUM ANALYZE')
  })
}
