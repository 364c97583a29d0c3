import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { WebSocket } from 'ws'
import { signIn, signUp } from '../support/app.js'
import { Client } from '../support/client.js'
import { type Example, startExample } from '../support/example.js'
import { signInNatively } from '../support/native-client.js'
import { freePort } from '../support/ports.js'
import { createTestDatabase, type TestDatabase } from '../support/postgres.js'
import { type DatabaseProxy, startProxy } from '../support/proxy.js'

describe('the WebSocket example', () => {
  const folder = mkdtempSync(join(tmpdir(), 'identsphere-websocket-'))
  let database: TestDatabase
  let proxy: DatabaseProxy
  let server: Example
  let app: { client(): Client }

  before(async () => {
    database = await createTestDatabase()
    proxy = await startProxy(Number(new URL(database.url).port))
    const environment = { RECHECK_SECONDS: '0.2' }
    const databaseUrl = proxy.url(database.url)
    server = await startExample('websocket', { folder, port: await freePort(), databaseUrl, environment })
    app = { client: () => new Client(server.url) }
  })
  after(async () => {
    await server?.stop('SIGKILL')
    await proxy?.close()
    await database?.drop()
    rmSync(folder, { recursive: true, force: true })
  })

  const cookieOf = (client: Client) => ({ cookie: client.cookieHeader('/') })

  function dial(headers: Record<string, string>, path = '/chat'): WebSocket {
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}${path}`, { headers })
    socket.on('error', () => {})
    return socket
  }

  async function refusal(headers: Record<string, string>, path?: string): Promise<[number | undefined, string]> {
    const socket = dial(headers, path)
    const [request, answer] = (await Promise.race([
      once(socket, 'unexpected-response'),
      once(socket, 'open').then(() => assert.fail('the connection was opened')),
    ])) as [{ destroy(): void }, IncomingMessage]
    let text = ''
    for await (const chunk of answer) text += chunk
    request.destroy()
    return [answer.statusCode, JSON.parse(text).error.code]
  }

  async function connect(headers: Record<string, string>): Promise<WebSocket> {
    const socket = dial(headers)
    await Promise.race([
      once(socket, 'open'),
      once(socket, 'unexpected-response').then(([, answer]) => assert.fail(`answered ${answer.statusCode}`)),
    ])
    return socket
  }

  async function say(socket: WebSocket, text: string): Promise<{ from: string; text: string }> {
    const heard = once(socket, 'message')
    socket.send(text)
    const [data] = await heard
    return JSON.parse(String(data))
  }

  const closing = async (socket: WebSocket): Promise<number> => (await once(socket, 'close'))[0]

  /** The event stream after its first event. */
  async function events(headers: Record<string, string>): Promise<IncomingMessage> {
    const outgoing = httpRequest(`${server.url}/clock`, { headers, agent: false }).end()
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
    if (answer.statusCode === 200) await once(answer, 'data')
    return answer
  }

  it('opens to its own page and to native clients with a bearer token', async () => {
    const { client, email } = await signUp(app)
    const page = await connect({ ...cookieOf(client), origin: server.url })
    assert.deepEqual(await say(page, 'hello'), { from: email, text: 'hello' })
    const { accessToken } = await signInNatively(app, email)
    const native = await connect({ authorization: `Bearer ${accessToken}` })
    const heard = once(page, 'message')
    assert.deepEqual(await say(native, 'from afar'), { from: email, text: 'from afar' })
    assert.match(String((await heard)[0]), /from afar/, 'members of the same organization hear it')
    for (const socket of [page, native]) socket.terminate()
  })

  it('keeps organizations apart', async () => {
    const [one, two] = [await signUp(app), await signUp(app)]
    const first = await connect({ ...cookieOf(one.client), origin: server.url })
    const second = await connect({ ...cookieOf(two.client), origin: server.url })
    await say(first, 'for us')
    assert.equal((await say(second, 'for the others')).text, 'for the others', 'the first message is its own')
    for (const socket of [first, second]) socket.terminate()
  })

  /** @see CWE-1385, cross-site WebSocket hijacking */
  it('refuses cookies without an own Origin, and requests without credentials', async () => {
    const { client } = await signUp(app)
    for (const headers of [
      cookieOf(client),
      { ...cookieOf(client), origin: 'https://evil.example' },
      { ...cookieOf(client), origin: 'null' },
      { ...cookieOf(client), origin: server.url.toUpperCase() },
      { ...cookieOf(client), origin: `${server.url}/` },
      { ...cookieOf(client), origin: 'http://localhost:1' },
    ]) {
      assert.deepEqual(await refusal(headers as Record<string, string>), [403, 'csrf_failed'])
    }
    assert.deepEqual(await refusal({ origin: server.url }), [401, 'authentication_required'])
    assert.deepEqual(await refusal({ authorization: 'Bearer x' }), [401, 'authentication_required'])
    assert.deepEqual(await refusal(cookieOf(client), '/other'), [404, 'not_found'])
  })

  it('closes within one recheck after the session ends, and relays no later message', async () => {
    const { client, email, sessionId } = await signUp(app)
    const elsewhere = await signIn(app, email)
    const headers = cookieOf(client)
    const socket = await connect({ ...headers, origin: server.url })
    const witness = await connect({ ...cookieOf(elsewhere), origin: server.url })
    const stream = await events(headers)
    assert.equal(stream.statusCode, 200)
    stream.resume()
    const ended = Promise.all([closing(socket), once(stream, 'end')])
    const heard: string[] = []
    witness.on('message', (data) => heard.push(String(data)))

    assert.equal((await elsewhere.delete(`/v1/users/me/sessions/${sessionId}`)).status, 204)
    for (let count = 0; count < 50; count += 1) socket.send(`after the end ${count}`)
    assert.equal((await ended)[0], 4401)
    await say(witness, 'still here')
    assert.deepEqual(heard, [JSON.stringify({ from: email, text: 'still here' })])
    assert.equal((await events(headers)).statusCode, 401)
    witness.terminate()
  })

  it('closes and accepts no connections while the database is away', async () => {
    const { client } = await signUp(app)
    const headers = { ...cookieOf(client), origin: server.url }
    const socket = await connect(headers)
    const stream = await events(cookieOf(client))
    stream.resume()
    const ended = Promise.all([closing(socket), once(stream, 'end')])
    proxy.swallow()
    try {
      assert.equal((await ended)[0], 4503)
      assert.deepEqual(await refusal(headers), [503, 'service_unavailable'])
      assert.equal((await events(cookieOf(client))).statusCode, 503)
    } finally {
      proxy.resume()
    }
  })

  it('stops on request', async () => {
    assert.equal(await server.stop(), 0)
  })
})
