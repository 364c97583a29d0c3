import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Middleware } from '../../lib/core/http/router.js'

/** How a request fared with a chain of middleware: let through, answered, or handed on with an error. */
export interface Passage {
  passed: boolean
  status: number
  code: string | null
  location: string | null
  error: unknown
}

/** A request as `node:http` makes it, with nothing of Express. */
export function bareRequest(headers: Record<string, string> = {}, method = 'GET', url = '/'): IncomingMessage {
  return Object.assign(new IncomingMessage(new Socket()), { method, url, headers })
}

/** Sends a request through the middleware in order and tells what became of it. */
export function passageOf(chain: readonly Middleware[], request: IncomingMessage): Promise<Passage> {
  const response = new ServerResponse(request)
  return new Promise((resolve) => {
    const tell = (passed: boolean, text: string, error: unknown = null) => {
      const code = text.startsWith('{') ? JSON.parse(text).error.code : null
      const location = response.getHeader('location')
      resolve({ passed, status: response.statusCode, code, location: location ? String(location) : null, error })
    }
    response.end = ((text?: unknown) => {
      tell(false, typeof text === 'string' ? text : '')
      return response
    }) as typeof response.end
    const step = (index: number) => {
      const middleware = chain[index]
      if (middleware === undefined) tell(true, '')
      else middleware(request, response, (error) => (error === undefined ? step(index + 1) : tell(false, '', error)))
    }
    step(0)
  })
}
