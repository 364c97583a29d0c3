/**
 * A chat for each organization over WebSockets, and the time as Server-Sent Events. Both are for signed-in users only:
 * `NODE_ENV=development npx tsx examples/websocket/server.ts`.
 *
 * A connection lives longer than the request that opened it. So the server checks the session again before each message, and every
 * RECHECK_SECONDS.
 */
import { createServer, type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import express from 'express'
import { WebSocket, WebSocketServer } from 'ws'
import { type Auth, createIdentSphere, IdentSphereError } from '../../lib/index.js' // in your application: from 'identsphere'

const port = Number(process.env.PORT || 3000)
const address = `http://localhost:${port}`
const recheckMilliseconds = Number(process.env.RECHECK_SECONDS || 60) * 1000

const identsphere = createIdentSphere({
  publicBaseUrl: address,
  database: process.env.DATABASE_URL || 'embedded',
  development: true, // http on localhost and the embedded database: never in production
})

const app = express()
app.disable('x-powered-by')
app.use(identsphere.router())

app.get('/clock', identsphere.requireAuth(), (req, res) => {
  let auth = identsphere.auth(req)
  res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
  const sendTime = () => res.write(`data: ${JSON.stringify({ time: new Date().toISOString(), email: auth.email })}\n\n`)
  sendTime()
  const timer = setInterval(() => {
    identsphere
      .recheck(auth)
      .then((now) => {
        if (now === null) return res.end()
        auth = now
        return sendTime()
      })
      .catch(() => res.end()) // the session cannot be checked: the browser connects again, and the guard decides
  }, recheckMilliseconds)
  res.on('close', () => clearInterval(timer))
})

const server = createServer(app)
const chat = new WebSocketServer({ noServer: true, maxPayload: 16 * 1024 })
const organizationOf = new Map<WebSocket, string | null>()

server.on('upgrade', (request, socket, head) => {
  socket.on('error', () => socket.destroy())
  void open(request, socket, head)
})

async function open(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  try {
    if (request.url?.split('?')[0] !== '/chat') throw new IdentSphereError('not_found')
    // Refuses cookies from foreign pages: browsers send cookies with every WebSocket, also if another site opens it.
    const auth = await identsphere.authenticate(request)
    if (auth === null) throw new IdentSphereError('authentication_required')
    if (!socket.destroyed) chat.handleUpgrade(request, socket, head, (connection) => serve(connection, auth))
  } catch (error) {
    refuse(socket, error instanceof IdentSphereError ? error : new IdentSphereError('internal_error'))
  }
}

/** Answers with plain HTTP, because the connection is not a WebSocket yet. */
function refuse(socket: Duplex, { status, code, message }: IdentSphereError): void {
  const body = JSON.stringify({ error: { code, message } })
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Connection: close',
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      ...(status === 401 ? ['WWW-Authenticate: Bearer'] : []),
      ...(status === 503 ? ['Retry-After: 1'] : []),
      '',
      body,
    ].join('\r\n'),
  )
}

function serve(connection: WebSocket, first: Auth): void {
  let auth = first
  let queue = Promise.resolve()
  organizationOf.set(connection, auth.organizationId)

  /** Runs the work in order, one after the other, and only while the session lives. */
  function whileSignedIn(work: () => void): void {
    queue = queue.then(async () => {
      if (connection.readyState !== WebSocket.OPEN) return
      try {
        const now = await identsphere.recheck(auth)
        if (now === null) return connection.close(4401, 'sign in again')
        auth = now
        organizationOf.set(connection, auth.organizationId)
        work()
      } catch {
        connection.close(4503, 'cannot be checked right now')
      } finally {
        connection.resume()
      }
    })
  }

  const timer = setInterval(() => whileSignedIn(() => {}), recheckMilliseconds)
  connection.on('error', () => {}) // `close` follows
  connection.on('close', () => {
    clearInterval(timer)
    organizationOf.delete(connection)
  })
  connection.on('message', (data) => {
    if (connection.readyState !== WebSocket.OPEN) return
    connection.pause() // a client that sends faster than we check has to wait
    whileSignedIn(() => {
      const text = JSON.stringify({ from: auth.email, text: String(data).slice(0, 500) })
      for (const [other, organization] of organizationOf) {
        if (organization !== null && organization === auth.organizationId) other.send(text)
      }
    })
  })
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, async () => {
    for (const connection of organizationOf.keys()) connection.terminate()
    server.close()
    server.closeAllConnections()
    await identsphere.close()
  })
}

await identsphere.migrate()
server.listen(port, 'localhost', () => console.log(`IdentSphere over WebSockets: ${address}`))
