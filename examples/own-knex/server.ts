/**
 * IdentSphere in an application that already has Knex, tables and users. Both share the connections. The application keeps its own
 * tables, and writes to them in the same transactions.
 *
 *     export DATABASE_URL=postgres://…
 *     npx identsphere migrate && npx knex migrate:latest --knexfile examples/own-knex/knexfile.js
 *     npx tsx examples/own-knex/server.ts
 */
import { createServer } from 'node:http'
import express from 'express'
import knex from 'knex'
import { z } from 'zod'
import { createIdentSphere, IdentSphereError } from '../../lib/index.js' // in your application: from 'identsphere'

const port = Number(process.env.PORT || 3000)
const address = `http://localhost:${port}`

const db = knex({ client: 'pg', connection: process.env.DATABASE_URL ?? '', searchPath: ['public'] })

const identsphere = createIdentSphere({
  database: db,
  publicBaseUrl: address,
  development: true, // http on localhost: never in production
  registration: {
    organization: 'personal',
    fields: z.strictObject({ company: z.string().trim().min(1).max(100) }),
  },
  hooks: {
    // Runs in the transaction that creates the account. Account and profile are created together, or neither is.
    async beforeRegister(trx, { userId, fields }) {
      await trx.table('profiles').insert({ user_id: userId, company: fields.company })
    },
  },
})

const app = express()
app.disable('x-powered-by')
app.use(identsphere.router())

app.get('/api/profile', identsphere.requireAuth(), async (req, res) => {
  const profile = await db
    .select('u.email', 'p.company')
    .from('identsphere.users as u')
    .leftJoin('profiles as p', 'p.user_id', 'u.id')
    .where('u.id', identsphere.auth(req).userId)
    .first()
  res.json(profile)
})

// Organization and plan are created together, or neither is.
app.post('/api/teams', identsphere.requireAuth(), express.json(), async (req, res) => {
  const { name, code } = z.strictObject({ name: z.string(), code: z.string().max(40) }).parse(req.body)
  const team = await db.transaction(async (trx) => {
    const ownerId = identsphere.auth(req).userId
    const organization = await identsphere.api.organizations.create({ name, ownerId }, { trx })
    const added = await trx
      .table('plans')
      .insert({ organization_id: organization.organizationId, code })
      .onConflict('code')
      .ignore()
      .returning('code')
    if (added.length === 0) throw new IdentSphereError('conflict', { message: 'This code has been used.' })
    return organization
  })
  res.status(201).json(team)
})

app.use((error: unknown, _req: express.Request, res: express.Response, next: express.NextFunction) => {
  if (error instanceof IdentSphereError) res.status(error.status).json({ error: error.code })
  else if (error instanceof z.ZodError) res.status(400).json({ error: 'invalid_input' })
  else next(error)
})

const server = createServer(app)
server.listen(port, 'localhost', () => console.log(`Own Knex: ${address}`))

process.once('SIGTERM', () => {
  server.close(async () => {
    await identsphere.close() // leaves the connections open, because the application owns them
    await db.destroy()
  })
  server.closeAllConnections()
})
