import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Express } from 'express'
import pg from 'pg'

/** What a server has used since it was asked last. */
export interface Usage {
  /** Statements sent to Postgres by this process. */
  queries: number
  /** Processor seconds per second. */
  cpu: number
  /** Resident bytes now. */
  rss: number
}

/** Waits for the message that a server is started with. */
export function input<T>(): Promise<T> {
  return new Promise((resolve) => process.once('message', (message) => resolve(message as T)))
}

/** Serves `app` on a free port of loopback, tells the parent where, and answers for what it uses. */
export async function serve(app: Express): Promise<void> {
  const queries = countQueries()
  let cpu = process.cpuUsage()
  let since = performance.now()
  process.on('message', () => {
    const { user, system } = process.cpuUsage(cpu)
    const now = performance.now()
    const usage: Usage = {
      queries: queries(),
      cpu: (user + system) / 1000 / (now - since),
      rss: process.memoryUsage().rss,
    }
    cpu = process.cpuUsage()
    since = now
    process.send?.(usage)
  })
  process.on('disconnect', () => process.exit())
  const server = createServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
}

/** Counts where every pool has to pass. @returns how many since the last call */
function countQueries(): () => number {
  let count = 0
  const prototype = pg.Client.prototype as unknown as { query(...parameters: unknown[]): unknown }
  const { query } = prototype
  prototype.query = function counted(...parameters) {
    count += 1
    return query.apply(this, parameters)
  }
  return () => {
    const since = count
    count = 0
    return since
  }
}
