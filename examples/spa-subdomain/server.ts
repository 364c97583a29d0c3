/**
 * An API and its single-page application on two hosts, like `api.example.com` and `example.com`:
 * `NODE_ENV=development npx tsx examples/spa-subdomain/server.ts`, then open http://example.localhost:3001. The browser must resolve
 * `*.localhost`, as Chromium and Firefox do.
 *
 * Both hosts belong to one site, so the browser sends the cookies of the API. The page cannot read them, so the client takes the CSRF
 * token from the answers. The API serves the client.
 */
import { createServer } from 'node:http'
import { join } from 'node:path'
import express, { type RequestHandler } from 'express'
import { createIdentSphere } from '../../lib/index.js' // in your application: from 'identsphere'

const apiPort = Number(process.env.PORT || 3000)
const pagePort = Number(process.env.PAGE_PORT || apiPort + 1)
const apiOrigin = `http://api.example.localhost:${apiPort}`
const pageOrigin = `http://example.localhost:${pagePort}`

const identsphere = createIdentSphere({
  publicBaseUrl: apiOrigin,
  allowedOrigins: [pageOrigin], // pages that may call the API with cookies, and be redirected to
  pages: { signIn: `${pageOrigin}/sign-in` },
  database: process.env.DATABASE_URL || 'embedded',
  development: true, // http on localhost and the embedded database: never in production
})

// IdentSphere answers CORS for its own routes. The application answers it for its routes.
const cors: RequestHandler = (req, res, next) => {
  res.vary('Origin')
  if (req.headers.origin === pageOrigin) {
    res.setHeader('Access-Control-Allow-Origin', pageOrigin)
    res.setHeader('Access-Control-Allow-Credentials', 'true')
    res.setHeader('Access-Control-Allow-Methods', 'GET, POST')
    res.setHeader('Access-Control-Allow-Headers', 'Content-Type, X-IdentSphere-CSRF')
  }
  if (req.method === 'OPTIONS') res.status(204).end()
  else next()
}

const visits = new Map<string, number>()
const api = express()
api.disable('x-powered-by')
api.use(identsphere.router())
api.use('/visits', cors, identsphere.requireAuth())
api.get('/visits', (req, res) => {
  res.json({ count: visits.get(identsphere.auth(req).userId) ?? 0 })
})
api.post('/visits', (req, res) => {
  const { userId } = identsphere.auth(req)
  const count = (visits.get(userId) ?? 0) + 1
  visits.set(userId, count)
  res.status(201).json({ count })
})

const page = express()
page.disable('x-powered-by')
page.use((_req, res, next) => {
  res.setHeader(
    'Content-Security-Policy',
    `default-src 'self'; img-src data:; script-src 'self' ${apiOrigin}; connect-src ${apiOrigin}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  )
  res.setHeader('X-Content-Type-Options', 'nosniff')
  next()
})
page.get('/api-origin.js', (_req, res) => {
  res.type('js').send(`export const apiOrigin = ${JSON.stringify(apiOrigin)}\n`)
})
page.use(express.static(join(import.meta.dirname, 'public'), { extensions: ['html'] }))

const servers = [createServer(api), createServer(page)] as const
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, async () => {
    for (const server of servers) {
      server.close()
      server.closeAllConnections()
    }
    await identsphere.close()
  })
}

await identsphere.migrate()
servers[0].listen(apiPort, 'localhost', () => {
  servers[1].listen(pagePort, 'localhost', () => console.log(`IdentSphere for a page on another host: ${pageOrigin}`))
})
