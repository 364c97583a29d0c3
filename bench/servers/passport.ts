/** `passport` with `express-session` and `connect-pg-simple`, set up as their documentation says. */
import express, { type RequestHandler } from 'express'
import pg from 'pg'
import { loadPackage } from '../packages.js'
import { type ExpressSession, sessionSecret } from '../seed/express-sessions.js'
import { sampleAnswer } from './answer.js'
import { input, serve } from './serve.js'

interface User {
  id: string
  role: string
}

type Done<T> = (error: unknown, value?: T | false) => void

interface Passport {
  deserializeUser(read: (id: string, done: Done<User>) => void): void
  session(): RequestHandler
}

const { databaseUrl } = await input<{ databaseUrl: string }>()
const { default: session } = await loadPackage<ExpressSession>('express-session')
const { default: passport } = await loadPackage<{ default: Passport }>('passport')
const { default: connectPgSimple } = await loadPackage<{
  default(from: unknown): new (options: object) => object
}>('connect-pg-simple')
const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 })
const PgStore = connectPgSimple(session)

passport.deserializeUser((id, done) => {
  pool
    .query<User>('SELECT id, role FROM passport_users WHERE id = $1', [id])
    .then(({ rows }) => done(null, rows[0] ?? false), done)
})

const requireAdmin: RequestHandler = (request, response, next) => {
  const { user } = request as unknown as { user?: User }
  if (user?.role !== 'admin') {
    response.status(401).json({})
    return
  }
  response.locals.answer = { ...sampleAnswer, user_id: user.id, role: user.role }
  next()
}

const app = express()
const store = new PgStore({ pool, tableName: 'passport_sessions' })
app.use(session({ store, secret: sessionSecret, resave: false, saveUninitialized: false }))
app.use(passport.session())
app.get('/guarded', requireAdmin, (_request, response) => {
  response.json(response.locals.answer)
})
await serve(app)
