import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import express from 'express'
import type { Middleware } from '../../lib/core/http/router.js'
import { signUp, startApp, type TestApp } from '../support/app.js'
import { Client, type SendOptions } from '../support/client.js'
import { type Framework, frameworks } from '../support/host.js'

type Use = (path: string, middleware: Middleware) => void
type Request = IncomingMessage & { body?: unknown; originalUrl?: string }

const secret = 'of the payment service'
const sign = (bytes: Buffer) => createHmac('sha256', secret).update(bytes).digest('hex')

function json(response: ServerResponse, status: number, body: object): void {
  response.statusCode = status
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(body))
}

/** What a host's handler finds in a request and its response. */
interface Found {
  keys: PropertyKey[]
  read: boolean
  paused: boolean
  listeners: PropertyKey[]
  headers: string[]
}

/** A host with routes, webhooks, a fallback and an error handler, with methods that all three frameworks have. */
class TestHost {
  readonly thrown = new Error('a failure of the host')
  found: Found | undefined
  caught: unknown
  url = ''
  readonly #server = createServer()

  async start(framework: Framework, mount: string, where: 'in front' | 'behind', router: Middleware): Promise<void> {
    const app = frameworks[framework]()
    const use: Use = (path, middleware) => void (app as express.Express).use(path, middleware)
    use('/', (request, _response, next) => next(request.headers['x-fail'] === undefined ? undefined : this.thrown))
    if (where === 'in front') this.#routes(framework, mount, use)
    use(mount || '/', router)
    if (where === 'behind') this.#routes(framework, mount, use)
    use('/', (request: Request, response) => {
      json(response, 404, { host: `${request.method} ${request.originalUrl}` })
    })
    const last = (error: unknown, _request: Request, response: ServerResponse, _next: unknown) => {
      this.caught = error
      json(response, 418, { host: 'error' })
    }
    app.use(last as never)
    this.#server.on('request', app).listen(0, 'localhost')
    await new Promise((resolve) => this.#server.once('listening', resolve))
    this.url = `http://localhost:${(this.#server.address() as AddressInfo).port}${mount}`
  }

  #routes(framework: Framework, mount: string, use: Use): void {
    use(`${mount}/v1/things`, (request: Request, response) => {
      this.found = {
        keys: Reflect.ownKeys(request),
        read: request.readableDidRead,
        paused: request.isPaused(),
        listeners: request.eventNames(),
        headers: response.getHeaderNames(),
      }
      json(response, 200, { method: request.method, body: request.body ?? null })
    })
    use(`${mount}/v1/webhooks/payments`, express.raw({ type: () => true }) as unknown as Middleware)
    use(`${mount}/v1/webhooks/payments`, (request: Request, response) => {
      const bytes = request.body as Buffer
      json(response, 200, {
        bytes: bytes.toString('hex'),
        verified: sign(bytes) === request.headers['x-signature'],
      })
    })
    use(`${mount}/v1/auth/throws`, () => {
      throw this.thrown
    })
    const rejected = () => Promise.reject(this.thrown)
    // Only Express 5 reads the return value of a handler.
    use(`${mount}/v1/users/me/rejects`, (_request, _response, next) =>
      framework === 'express5' ? rejected() : void rejected().catch(next),
    )
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

let app: TestApp
before(async () => {
  app = await startApp()
})
after(() => app.close())

for (const framework of Object.keys(frameworks) as Framework[]) {
  for (const mount of ['', '/identity']) {
    for (const where of ['in front', 'behind'] as const) {
      describe(`a host on ${framework} with its routes ${where} and the router at ${mount || '/'}`, () => {
        const host = new TestHost()
        let client: Client
        before(async () => {
          await host.start(framework, mount, where, app.identsphere.router())
          client = new Client(host.url)
        })
        after(() => host.stop())

        it('keeps its own paths below /v1 for every method', async () => {
          for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
            const headers = { origin: 'https://elsewhere.example', 'access-control-request-method': 'POST' }
            const answer = await client.send(method, '/v1/things', { headers })
            assert.deepEqual([answer.status, answer.body], [200, { method, body: null }], method)
          }
        })

        it('gets requests unchanged, as if the router were absent', async () => {
          const without = new TestHost()
          await without.start(framework, mount, where, (_request, _response, next) => next())
          try {
            for (const [method, options] of [
              ['GET', {}],
              ['POST', { body: { a: 1 } }],
              ['OPTIONS', { headers: { origin: 'https://elsewhere.example' } }],
            ] as const) {
              await client.send(method, '/v1/things', options)
              await new Client(without.url).send(method, '/v1/things', options)
              assert.equal(host.found?.read, false)
              assert.deepEqual(host.found, without.found, method)
            }
          } finally {
            await without.stop()
          }
        })

        it('gets the exact bytes of a webhook and verifies its signature', async () => {
          for (const bytes of [
            Buffer.from('{ "amount" : 1.0,\r\n"currency":"EUR" }'),
            Buffer.from([0, 255, 254, 128, 13, 10]),
            Buffer.alloc(90_000, 'x'),
          ]) {
            for (const type of ['application/json', 'application/x-www-form-urlencoded', undefined]) {
              const options: SendOptions = { raw: bytes, headers: { 'content-type': type, 'x-signature': sign(bytes) } }
              const answer = await client.send('POST', '/v1/webhooks/payments', options)
              assert.deepEqual(answer.body, { bytes: bytes.toString('hex'), verified: true })
            }
          }
        })

        it('answers unknown paths, methods and spellings', async () => {
          for (const [method, path] of [
            ['GET', '/v1/nothing'],
            ['OPTIONS', '/v1/nothing'],
            ['GET', '/v1/auth/login'],
            ['PUT', '/v1/users/me'],
            ['OPTIONS', '/v1/auth/login'],
            ['GET', '/v1/users/me/sessions/x'],
            ['GET', '/v1/users/me/sessions/%E0%A4%A'],
            ['POST', '//v1/auth/login'],
            ['POST', '/v1/auth/login/'],
          ] as const) {
            const answer = await client.send(method, path)
            assert.deepEqual([answer.status, answer.body], [404, { host: `${method} ${mount}${path}` }], path)
            for (const name of ['allow', 'cache-control', 'x-request-id', 'vary']) {
              assert.equal(answer.headers[name], undefined, `${method} ${path} ${name}`)
            }
          }
        })

        it('gets its own errors, thrown, rejected or passed on before the router', async () => {
          for (const [path, headers] of [
            ['/v1/auth/throws', {}],
            ['/v1/users/me/rejects', {}],
            ['/v1/things', { 'x-fail': 'yes' }],
            ['/v1/auth/session', { 'x-fail': 'yes' }],
            ['/v1/users/me/sessions/%E0%A4%A', { 'x-fail': 'yes' }],
          ] as const) {
            host.caught = undefined
            const answer = await client.get(path, { headers })
            assert.deepEqual([answer.status, answer.body], [418, { host: 'error' }], path)
            assert.equal(host.caught, host.thrown)
          }
        })

        it('has IdentSphere beside all that', async () => {
          assert.equal((await client.get('/v1/health')).status, 200)
          assert.equal((await client.send('HEAD', '/v1/health')).status, 200)
          assert.equal((await client.get('/v1/auth/session')).body.error.code, 'authentication_required')
          const { client: browser } = await signUp({ client: () => client })
          const undecodable = await browser.delete('/v1/users/me/sessions/%E0%A4%A')
          assert.deepEqual([undecodable.status, undecodable.body.error.code], [400, 'invalid_input'])
        })
      })
    }
  }
}
