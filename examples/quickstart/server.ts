/**
 * A complete application with IdentSphere, in one file: `npm start`, then open http://localhost:3000.
 *
 * It uses the Postgres at DATABASE_URL. Without DATABASE_URL, it starts an embedded Postgres in `./.identsphere/`.
 */
import { createServer } from 'node:http'
import { join } from 'node:path'
import express from 'express'
import { createIdentSphere } from '../../lib/index.js' // in your application: from 'identsphere'

const port = Number(process.env.PORT || 3000)
const address = `http://localhost:${port}`

const identsphere = createIdentSphere({
  publicBaseUrl: address,
  database: process.env.DATABASE_URL || 'embedded',
  pages: { signIn: '/#sign-in' }, // the sign-in page that mails and their pages link to
  development: true, // http on localhost and the embedded database: never in production
  logger: {
    debug() {},
    info: (facts, message) => console.log(message, facts),
    warn: (facts, message) => console.warn(message, facts),
    error: (facts, message) => console.error(message, facts),
  },
})

const app = express()
app.disable('x-powered-by')

// All routes of IdentSphere: /v1/auth/register, /v1/auth/login, /v1/users/me/sessions and the others.
app.use(identsphere.router())

// The page uses no inline scripts or styles, and loads nothing from other hosts.
app.use((_req, res, next) => {
  res.setHeader(
    'Content-Security-Policy',
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  )
  res.setHeader('X-Content-Type-Options', 'nosniff')
  next()
})
app.use(express.static(join(import.meta.dirname, 'public')))

// Your own routes, each behind a guard. This guard lets signed-in users through.
app.get('/api/me', identsphere.requireAuth(), (req, res) => {
  const { displayName, email, role, organizationId } = identsphere.auth(req)
  res.json({ name: displayName, email, role, organization_id: organizationId })
})

// This guard lets admins through, and owners always.
app.get('/api/reports', identsphere.requireRole('admin'), (req, res) => {
  res.json({ organization_id: identsphere.auth(req).organizationId, reports: monthlyReports })
})

// For a route that changes data, the guard also checks the CSRF token. Your handler does not have to.
app.post('/api/notes', identsphere.requireAuth(), express.json(), (req, res) => {
  const { organizationId, email } = identsphere.auth(req)
  const text = String(req.body?.text ?? '').trim()
  if (text === '' || text.length > 200) {
    res.status(400).json({ error: { code: 'invalid_input', message: 'Write 1 to 200 characters.' } })
    return
  }
  const notes = [{ text, author: email }, ...(notesOf.get(organizationId) ?? [])].slice(0, 5)
  notesOf.set(organizationId, notes)
  res.status(201).json({ notes })
})

// A payout needs a second factor of the last 30 minutes.
app.post('/api/payouts', identsphere.requireRecentMfa(), (_req, res) => {
  res.status(201).json({ amount: '100 €', paid_at: new Date().toISOString() })
})

const notesOf = new Map<string | null, Array<{ text: string; author: string }>>()
const monthlyReports = [
  { month: 'September', sign_ups: 128, active_members: 412 },
  { month: 'October', sign_ups: 164, active_members: 498 },
  { month: 'November', sign_ups: 211, active_members: 603 },
]

// Start: bring the schema up to date, then listen. Stop: answer open requests, then close the database.
const server = createServer(app)
let stopping = false

async function stop(exitCode = 0): Promise<void> {
  stopping = true
  process.exitCode = exitCode
  setTimeout(() => server.closeAllConnections(), 1_000).unref() // browsers keep connections open
  await new Promise((resolve) => server.close(resolve))
  await identsphere.close()
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop())

server.on('error', (error: NodeJS.ErrnoException) => {
  const isBusy = error.code === 'EADDRINUSE'
  console.error(isBusy ? `Port ${port} is in use. Choose another: PORT=${port + 1} npm start` : error.message)
  void stop(1)
})

try {
  await identsphere.migrate()
  if (!stopping) server.listen(port, 'localhost', () => console.log(`IdentSphere quickstart: ${address}`))
} catch (error) {
  if (!stopping) {
    console.error('The quickstart cannot start:', error instanceof Error ? error.message : error)
    await stop(1)
  }
}
