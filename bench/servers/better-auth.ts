/** better-auth: `getSession` for every request, strict, or with its cookie cache, which does not see a revocation. */
import express, { type RequestHandler } from 'express'
import { createBetterAuth, loadNodeHeaders } from '../seed/better-auth.js'
import { sampleAnswer } from './answer.js'
import { input, serve } from './serve.js'

const { databaseUrl, cookieCache } = await input<{ databaseUrl: string; cookieCache: boolean }>()
const auth = await createBetterAuth(databaseUrl, cookieCache)
const fromNodeHeaders = await loadNodeHeaders()

const requireSession: RequestHandler = async (request, response, next) => {
  const found = await auth.api.getSession({ headers: fromNodeHeaders(request.headers) })
  if (found === null) {
    response.status(401).json({})
    return
  }
  response.locals.answer = { ...sampleAnswer, user_id: found.user.id }
  next()
}

const app = express()
app.get('/guarded', requireSession, (_request, response) => {
  response.json(response.locals.answer)
})
await serve(app)
