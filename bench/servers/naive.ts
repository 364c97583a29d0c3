/**
 * What many write: verify the RS256 token with a key that was parsed once, then one named SELECT by primary key
 * through a pool of ten, for every request.
 */
import { createPublicKey } from 'node:crypto'
import cookieParser from 'cookie-parser'
import express, { type NextFunction, type Request, type Response } from 'express'
import jsonwebtoken, { type JwtPayload } from 'jsonwebtoken'
import pg from 'pg'
import { input, serve } from './serve.js'

const { databaseUrl, publicKey } = await input<{ databaseUrl: string; publicKey: string }>()
const key = createPublicKey(publicKey)
const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 })

async function requireAdmin(request: Request, response: Response, next: NextFunction): Promise<void> {
  const { sid } = jsonwebtoken.verify(request.cookies.identsphere_at, key, { algorithms: ['RS256'] }) as JwtPayload
  const { rows } = await pool.query({
    name: 'session',
    text: `SELECT s.user_id, s.organization_id, 'admin' AS role FROM identsphere.user_sessions s
      WHERE s.id = $1 AND s.revoked_at IS NULL AND s.expires_at > now()`,
    values: [sid],
  })
  if (rows[0]?.role !== 'admin') {
    response.status(401).json({})
    return
  }
  response.locals.session = rows[0]
  next()
}

const app = express()
app.get('/guarded', cookieParser(), requireAdmin, (_request, response) => {
  response.json(response.locals.session)
})
await serve(app)
