/**
 * What many write by hand: verify the RS256 token with a key that was parsed once, then one SELECT by primary key through
 * a pool of ten, for every request. Besides, a bare transaction of three statements on the same pool.
 */
import { createPublicKey } from 'node:crypto'
import cookieParser from 'cookie-parser'
import express, { type NextFunction, type Request, type Response } from 'express'
import jsonwebtoken, { type JwtPayload } from 'jsonwebtoken'
import pg from 'pg'
import type { Seed } from '../seed.js'
import { input, serve } from './serve.js'

const { databaseUrl, publicKey } = await input<Seed>()
const key = createPublicKey(publicKey)
const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 })

async function requireAdmin(request: Request, response: Response, next: NextFunction): Promise<void> {
  const { sid } = jsonwebtoken.verify(request.cookies.identsphere_at, key, { algorithms: ['RS256'] }) as JwtPayload
  const { rows } = await pool.query(
    `SELECT s.user_id, s.organization_id, 'admin' AS role FROM identsphere.user_sessions s
     WHERE s.id = $1 AND s.revoked_at IS NULL AND s.expires_at > now()`,
    [sid],
  )
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
app.post('/transaction', async (_request, response) => {
  const client = await pool.connect()
  try {
    const id = 1 + Math.floor(Math.random() * 1000)
    await client.query('BEGIN')
    await client.query('SELECT value FROM bench WHERE id = $1', [id])
    await client.query('UPDATE bench SET value = value + 1 WHERE id = $1', [id])
    await client.query('INSERT INTO bench (value) VALUES ($1)', [0])
    await client.query('COMMIT')
  } finally {
    client.release()
  }
  response.json({ done: true })
})
await serve(app)
