/** `express-session` with sessions in the memory of one process: nothing is read, and other processes know nothing. */
import express, { type RequestHandler } from 'express'
import { loadPackage } from '../packages.js'
import { type ExpressSession, sessionSecret } from '../seed/express-sessions.js'
import { type GuardedAnswer, sampleAnswer } from './answer.js'
import { input, serve } from './serve.js'

const { sessionIds } = await input<{ sessionIds: string[] }>()
const { default: session } = await loadPackage<ExpressSession>('express-session')
const store = new session.MemoryStore()
for (const id of sessionIds) {
  await new Promise((resolve) => store.set(id, { cookie: {}, account: sampleAnswer }, resolve))
}

const requireAdmin: RequestHandler = (request, response, next) => {
  const { account } = (request as unknown as { session: { account?: GuardedAnswer } }).session
  if (account?.role !== 'admin') {
    response.status(401).json({})
    return
  }
  response.locals.account = account
  next()
}

const app = express()
app.use(session({ store, secret: sessionSecret, resave: false, saveUninitialized: false }))
app.get('/guarded', requireAdmin, (_request, response) => {
  response.json(response.locals.account)
})
await serve(app)
