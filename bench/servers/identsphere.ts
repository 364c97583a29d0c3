/** IdentSphere as in production: https, RS256, cookies, `requireAuth` and `requireRole`. */
import express from 'express'
import { createIdentSphere } from '../../lib/index.js'
import { publicBaseUrl, type Seed } from '../seed.js'
import { input, serve } from './serve.js'

const { databaseUrl, privateKey, secret } = await input<Seed>()
const identsphere = createIdentSphere({
  database: databaseUrl,
  publicBaseUrl,
  development: false,
  signingKeys: [{ privateKey }],
  secrets: [{ version: 1, value: secret }],
})
await identsphere.ready()

const app = express()
app.get('/guarded', identsphere.requireAuth(), identsphere.requireRole('admin'), (request, response) => {
  const { userId, organizationId, role } = identsphere.auth(request)
  response.json({ user_id: userId, organization_id: organizationId, role })
})
app.use(identsphere.router())
await serve(app)
