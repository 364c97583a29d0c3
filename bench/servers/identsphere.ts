/** IdentSphere as in production: https, RS256, cookies, `requireAuth` and `requireRole`. Two builds can be compared. */
import { pathToFileURL } from 'node:url'
import express from 'express'
import { publicBaseUrl } from '../settings.js'
import { input, serve } from './serve.js'

type IdentSphere = typeof import('../../lib/index.js')

/** What this server is started with. */
export interface IdentSphereInput {
  /** The file `lib/index.js` of a build. */
  entry: string
  databaseUrl: string
  privateKey: string
  secret: string
  /** Whether addresses are proven by mail before an account is made. Mails go nowhere. */
  mailing?: boolean
}

const { entry, databaseUrl, privateKey, secret, mailing } = await input<IdentSphereInput>()
const { createIdentSphere } = (await import(pathToFileURL(entry).href)) as IdentSphere
const identsphere = createIdentSphere({
  database: databaseUrl,
  publicBaseUrl,
  development: false,
  signingKeys: [{ privateKey }],
  secrets: [{ version: 1, value: secret }],
  ...(mailing && {
    mailer: { from: 'no-reply@bench.example.com', sendMail: () => {} },
    registration: { verification: 'first', organization: 'none' },
  }),
})
await identsphere.ready()

const app = express()
app.get('/guarded', identsphere.requireAuth(), identsphere.requireRole('admin'), (request, response) => {
  const { userId, organizationId, role } = identsphere.auth(request)
  response.json({ user_id: userId, organization_id: organizationId, role })
})
app.use(identsphere.router())
await serve(app)
