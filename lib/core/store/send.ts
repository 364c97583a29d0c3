import type { Knex } from 'knex'
import type { RawConnection } from './late-answers.js'
import type { Statement } from './sql.js'

/**
 * Sends a statement straight to a connection of the pool, or to that of the transaction. Knex's builder would cost more than
 * the statement. Hosts that listen to Knex's events hear of it all the same.
 */
export async function send<Row extends object>(runner: Knex | Knex.Transaction, statement: Statement): Promise<Row[]> {
  const { client } = runner
  if ('isCompleted' in runner && runner.isCompleted()) throw new Error('the transaction has ended')
  const connection: RawConnection = await client.acquireConnection()
  try {
    return await ask(client, connection, statement)
  } finally {
    client.releaseConnection(connection)
  }
}

async function ask<Row extends object>(
  client: Knex.Client,
  connection: RawConnection,
  { text, values }: Statement,
): Promise<Row[]> {
  const event = {
    __knexUid: connection.__knexUid,
    __knexTxId: connection.__knexTxId,
    __knexQueryUid: crypto.randomUUID(),
    method: 'raw',
    sql: text,
    bindings: values,
  }
  client.emit('query', event)
  try {
    const { rows } = await connection.query<Row>({ text, values: values as unknown[] })
    client.emit('query-response', rows, event)
    return rows
  } catch (error) {
    client.emit('query-error', error, event)
    throw error
  }
}
