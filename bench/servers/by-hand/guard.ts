import type { RequestHandler } from 'express'
import { cookieOf } from './cookies.js'
import { createSessionReader, type Facts } from './session-reader.js'
import type { Tokens } from './tokens.js'

/** A strict guard for admins: a remembered signature, and facts that were read after the request came. */
export async function createGuard(databaseUrl: string, tokens: Tokens): Promise<RequestHandler> {
  const read = await createSessionReader(databaseUrl)
  return (request, response, next) => {
    const token = cookieOf(request.headers.cookie ?? '', 'identsphere_at')
    const sessionId = token === null ? null : tokens.sessionOf(token)
    if (sessionId === null) {
      response.status(401).json({})
      return
    }
    read(sessionId, (error: Error | null, facts: Facts | undefined) => {
      if (error !== null) return next(error)
      if (facts === undefined || facts[2] !== 'admin') return response.status(403).json({})
      response.locals.facts = facts
      next()
    })
  }
}
