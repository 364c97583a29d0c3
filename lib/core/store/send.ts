import type { Knex } from 'knex'
import type { RawConnection } from './query-timeout.js'
import type { Statement } from './sql.js'

/**
 * Sends a statement straight to a connection of the pool, or to that of the transaction. Knex's builder would cost more than
 * the statement. Hosts that listen to Knex's events hear of it all the same.
 *
 * @param name under which it is prepared, once for each connection; undefined: it is parsed and planned each time
 */
export async function send<Row extends object>(
  runner: Knex | Knex.Transaction,
  statement: Statement,
  name: string | undefined,
): Promise<Row[]> {
  const { client } = runner
  if ('isCompleted' in runner && runner.isCompleted()) throw new Error('the transaction has ended')
  const connection: RawConnection = await client.acquireConnection()
  try {
    return await ask(client, connection, statement, name)
  } finally {
    client.releaseConnection(connection)
  }
}

async function ask<Row extends object>(
  client: Knex.Client,
  connection: RawConnection,
  { text, values }: Statement,
  name: string | undefined,
): Promise<Row[]> {
  const event = {
    __knexUid: connection.__knexUid,
    __knexTxId: connection.__knexTxId,
    __knexQueryUid: crypto.randomUUID(),
    method: 'raw',
    sql: text,
    bindings: values,
  }
  const query = { text, values: values as unknown[] }
  client.emit('query', event)
  try {
    const { rows } = await connection.query<Row>(name === undefined ? query : { ...query, name })
    client.emit('query-response', rows, event)
    return rows
  } catch (error) {
    client.emit('query-error', error, event)
    throw error
  }
}
