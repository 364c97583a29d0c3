import { once } from 'node:events'
import { createServer, connect as openSocket, type Socket } from 'node:net'

/** A TCP proxy in front of Postgres that can stop passing bytes on, as a failing network does. */
export interface DatabaseProxy {
  /** `url` of the database, by way of the proxy. */
  url(databaseUrl: string): string
  /** From now on nothing passes in either direction, and nobody is told. Answers are kept. */
  swallow(): void
  /** Answers that were kept arrive after all, and new connections work. */
  resume(): void
  /** Of connections that were open during `swallow()`: whether a client sent a question after the answer came late. */
  readonly askedAfterLateAnswer: number
  close(): Promise<void>
}

interface Pipe {
  client: Socket
  server: Socket
  /** What the server sent meanwhile. */
  kept: Buffer[]
  late: boolean
}

/** First byte of the only message that a client may still send over a connection it gave up: Terminate. */
const terminate = 'X'.charCodeAt(0)

export async function startProxy(port: number): Promise<DatabaseProxy> {
  const pipes = new Set<Pipe>()
  let swallowing = false
  let askedAfterLateAnswer = 0

  const listener = createServer((client) => {
    const server = openSocket(port, '127.0.0.1')
    const pipe: Pipe = { client, server, kept: [], late: false }
    pipes.add(pipe)
    client.on('data', (data) => {
      if (pipe.late && data[0] !== terminate) askedAfterLateAnswer += 1
      if (!swallowing) server.write(data)
    })
    server.on('data', (data) => {
      if (swallowing) pipe.kept.push(data)
      else client.write(data)
    })
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      socket.on('error', () => {})
      socket.on('close', () => {
        other.destroy()
        pipes.delete(pipe)
      })
    }
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()

  return {
    url(databaseUrl) {
      const url = new URL(databaseUrl)
      url.port = typeof address === 'object' && address !== null ? String(address.port) : ''
      return url.href
    },
    swallow() {
      swallowing = true
    },
    resume() {
      swallowing = false
      for (const pipe of pipes) {
        if (pipe.kept.length === 0) continue
        pipe.late = true
        pipe.client.write(Buffer.concat(pipe.kept.splice(0)))
      }
    },
    get askedAfterLateAnswer() {
      return askedAfterLateAnswer
    },
    async close() {
      for (const { client, server } of pipes) {
        client.destroy()
        server.destroy()
      }
      listener.close()
      await once(listener, 'close')
    },
  }
}
