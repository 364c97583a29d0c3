/**
 * A service in a process of its own, as a host would write it. Started by `startService()`, which talks to it by messages;
 * an unhandled rejection ends it, as Node does by default.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import knexLibrary from 'knex'
import type { IdentSphereOptions } from '../../lib/features.js'
import { createIdentSphere } from '../../lib/identsphere.js'
import { createLogRecorder } from './log.js'
import type { Asked, ServiceOptions } from './service.js'

const { database, poolSize, ...options } = JSON.parse(process.argv[2] ?? '{}') as ServiceOptions
const log = createLogRecorder()
const knex =
  poolSize === undefined
    ? undefined
    : knexLibrary({
        client: 'pg',
        connection: database,
        pool: { min: 0, max: poolSize },
        acquireConnectionTimeout: 3_000,
      })
const app = express().set('trust proxy', true)
const server = createServer(app).listen(0, '127.0.0.1')
let received = 0
server.on('request', (_request, response) => {
  received += 1
  // Clients keep connections open. After close(), they would keep this process.
  response.on('close', () => {
    if (!server.listening) setImmediate(() => server.closeIdleConnections())
  })
})
await new Promise((resolve) => server.once('listening', resolve))
const url = `http://localhost:${(server.address() as AddressInfo).port}`

const identsphere = createIdentSphere({
  database: knex ?? database,
  publicBaseUrl: url,
  logger: log,
  ...(options as IdentSphereOptions),
})
app.get('/open', (_request, response) => void response.json({ open: true }))
app.get('/guarded', identsphere.requireAuth(), (request, response) => {
  response.json({ user_id: identsphere.auth(request).userId })
})
app.get('/admin', identsphere.requireRole('admin'), (request, response) => {
  response.json({ role: identsphere.auth(request).role })
})
app.get('/optional', identsphere.optionalAuth(), (request, response) => {
  response.json({ user_id: identsphere.authOrNull(request)?.userId ?? null })
})
app.use(identsphere.router())

/** Transactions of the host's own that hold its connections. */
const held: Array<{ rollback(): Promise<unknown> }> = []

const answers: Record<Asked['ask'], (count: number) => unknown> = {
  lines: () => log.lines,
  received: () => received,
  memory: () => process.memoryUsage().rss,
  async hold(count) {
    for (let index = 0; index < count; index += 1) {
      const transaction = await knex?.transaction()
      await transaction?.raw('SELECT 1')
      if (transaction !== undefined) held.push(transaction)
    }
  },
  async release() {
    for (const transaction of held.splice(0)) await transaction.rollback()
  },
  /** Everything is closed, and nothing calls `process.exit()`: the process has to end by itself. */
  async close() {
    server.close()
    await identsphere.close()
    await knex?.destroy()
  },
}

process.on('message', async ({ id, ask, count }: Asked) => {
  const answer = await answers[ask](count ?? 0)
  process.send?.({ id, answer })
  if (ask === 'close') process.disconnect()
})
process.on('disconnect', () => setTimeout(() => process.exit(9), 5_000).unref())
process.send?.({ url })
