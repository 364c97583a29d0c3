import { randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Express } from 'express'
import knexLibrary, { type Knex } from 'knex'
import pg from 'pg'
import type { IdentSphereOptions } from '../../lib/features.js'
import type { IdentSphere } from '../../lib/identsphere.js'
import { buildIdentSphere } from '../../lib/identsphere.js'
import { Client } from './client.js'
import { type TestClock, testClock } from './clock.js'
import { buildHost, hostOfThisRun } from './host.js'
import { createLogRecorder, type LogRecorder } from './log.js'
import { createTestDatabase } from './postgres.js'

/** A password that the policy accepts. */
export const password = 'correct-horse-battery-7'

export interface TestApp {
  /** Where the router is, its mount included. */
  url: string
  origin: string
  /** The path of `url`, '' for the root. */
  mount: string
  identsphere: IdentSphere
  clock: TestClock
  log: LogRecorder
  databaseUrl: string
  environment: NodeJS.ProcessEnv
  /** Reads and changes rows behind IdentSphere's back. */
  // biome-ignore lint/suspicious/noExplicitAny: rows of any table
  sql(text: string, values?: unknown[]): Promise<any[]>
  client(defaults?: Record<string, string>): Client
  /** A second node on the same database: its own process in all but name. */
  node(options?: IdentSphereOptions): Promise<TestApp>
  close(): Promise<void>
}

export interface TestAppOptions extends IdentSphereOptions {
  /** Path that the router is mounted at. Without it the run's host says, and has its own routes below that path too. */
  mount?: string
  /** Adds settings and middleware of the host's, before the router. */
  before?: (app: Express, identsphere: IdentSphere) => void
  /** Adds the host's own routes, after the router. */
  routes?: (app: Express, identsphere: IdentSphere) => void
  environment?: NodeJS.ProcessEnv
}

/** Starts the host of this run with IdentSphere, on a database of its own. */
export async function startApp(options: TestAppOptions = {}): Promise<TestApp> {
  const database = await createTestDatabase()
  const environment = {
    NODE_ENV: 'test',
    IDENTSPHERE_JWT_SECRET: randomBytes(32).toString('base64url'),
    ...options.environment,
  }
  const first = await startNode(database.url, environment, testClock(), options)
  const nodes = [first]
  return {
    ...first,
    async node(more = {}) {
      const another = await startNode(database.url, environment, first.clock, { ...options, ...more })
      nodes.push(another)
      return another
    },
    async close() {
      for (const node of nodes) await node.close()
      await database.drop()
    },
  }
}

async function startNode(
  databaseUrl: string,
  environment: NodeJS.ProcessEnv,
  clock: TestClock,
  options: TestAppOptions,
): Promise<TestApp> {
  const { mount = hostOfThisRun.mount, before, routes, environment: _environment, ...identsphereOptions } = options
  const server = await listen(createServer())
  const url = `http://localhost:${(server.address() as AddressInfo).port}${mount}`
  const log = createLogRecorder()
  const hostsPool = options.database === undefined ? poolOfHost(databaseUrl) : undefined
  const identsphere = buildIdentSphere(
    // Jobs run when a test says so: else a mail that is on its way may be missed, and an older one be read.
    { database: hostsPool ?? databaseUrl, publicBaseUrl: url, logger: log, worker: 'external', ...identsphereOptions },
    { environment, clock },
  )
  const host = buildHost(
    { ...hostOfThisRun, mount },
    {
      before: before && ((app) => before(app, identsphere)),
      router: identsphere.router(),
      routes: routes && ((app) => routes(app, identsphere)),
      routesAt: options.mount === undefined ? mount : '',
    },
  )
  server.on('request', host)
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 4 })
  pool.on('error', () => {})

  return {
    url,
    origin: new URL(url).origin,
    mount,
    identsphere,
    clock,
    log,
    databaseUrl,
    environment,
    sql: async (text, values) => (await pool.query(text, values)).rows,
    client: (defaults) => new Client(url, defaults),
    node: () => Promise.reject(new Error('only the first node makes others')),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await identsphere.close()
      await hostsPool?.destroy()
      await pool.end()
    },
  }
}

function poolOfHost(connection: string): Knex | undefined {
  const { pool } = hostOfThisRun
  if (pool === undefined) return undefined
  return knexLibrary({ client: 'pg', connection, pool: { min: 0, max: pool }, acquireConnectionTimeout: 3_000 })
}

function listen(server: Server): Promise<Server> {
  return new Promise((resolve) => server.listen(0, 'localhost', () => resolve(server)))
}

let people = 0

/** Registers somebody new and returns the signed-in browser. */
export async function signUp(
  app: Pick<TestApp, 'client'>,
  given: Partial<{ email: string; password: string; organization_name: string }> = {},
): Promise<{ client: Client; email: string; userId: string; organizationId: string; sessionId: string }> {
  people += 1
  const email = given.email ?? `person${people}@example.com`
  const client = app.client()
  const answer = await client.post('/v1/auth/register', {
    email,
    password: given.password ?? password,
    organization_name: given.organization_name ?? 'Example Works',
  })
  if (answer.status !== 201) throw new Error(`registration answered ${answer.status}: ${answer.text}`)
  const { user, session } = answer.body
  return { client, email, userId: user.user_id, organizationId: user.organization_id, sessionId: session.id }
}

/** Signs in once more, in a new browser. */
export async function signIn(app: Pick<TestApp, 'client'>, email: string, secret = password): Promise<Client> {
  const client = app.client()
  const answer = await client.post('/v1/auth/login', { email, password: secret })
  if (answer.status !== 200) throw new Error(`login answered ${answer.status}: ${answer.text}`)
  return client
}
