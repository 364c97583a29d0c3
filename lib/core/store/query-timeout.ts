import type { Socket } from 'node:net'
import knexLibrary, { type Knex } from 'knex'
import pg from 'pg'

/** What node-postgres and Knex know of a connection beyond their types. */
export interface RawConnection extends pg.Client {
  readonly ssl: boolean
  readonly processID: number
  readonly secretKey: number
  readonly __knexUid: string
  readonly __knexTxId?: string
  /** Why Knex must not use it again. */
  __knex__disposed?: unknown
}

interface CancelConnection extends pg.Connection {
  readonly stream: Socket
  connect(port: number, host: string): void
  requestSsl(): void
  cancel(processID: number, secretKey: number): void
}

const cancelTimeoutMs = 2_000

/**
 * Ends a connection whose answer is late, so that no other query waits behind it or gets its answer. The server is told to stop
 * too. Otherwise a statement that waits for a lock would keep its connection there, and soon all of them.
 */
export function discardConnection(connection: RawConnection, reason: string): void {
  connection.__knex__disposed = reason
  cancel(connection)
  connection.end().catch(() => {})
}

/** @see https://www.postgresql.org/docs/current/protocol-flow.html "Canceling Requests in Progress" */
function cancel({ host, port, ssl, processID, secretKey }: RawConnection): void {
  const request = new pg.Connection({ ssl }) as CancelConnection
  const send = () => request.cancel(processID, secretKey)
  request.on('error', () => {})
  request.on('connect', () => (ssl ? request.requestSsl() : send()))
  request.on('sslconnect', send)
  request.stream.setTimeout(cancelTimeoutMs, () => request.stream.destroy())
  request.connect(port, host)
}

/** Knex that ends connections whose answer is late. By itself it would use them for the next query. */
export function connectWithQueryTimeout(config: Knex.Config): Knex {
  const open = new Map<string, RawConnection>()
  const knex = knexLibrary({
    ...config,
    pool: {
      ...config.pool,
      afterCreate(connection: RawConnection, done: (error: unknown, connection: RawConnection) => void) {
        open.set(connection.__knexUid, connection)
        connection.once('end', () => open.delete(connection.__knexUid))
        done(null, connection)
      },
    },
  })
  knex.on('query-error', (error: Error, { __knexUid }: { __knexUid: string }) => {
    const connection = open.get(__knexUid)
    if (connection !== undefined && error.message.endsWith('Query read timeout')) {
      discardConnection(connection, error.message)
    }
  })
  return knex
}
