import assert from 'node:assert/strict'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import connect from 'connect'
import express from 'express'
import express4 from 'express4'
import type { Middleware } from '../../lib/core/http/router.js'
import { signUp, startApp, type TestApp } from '../support/app.js'
import { Client } from '../support/client.js'

/** What Connect hosts write themselves: the address that the last hop reports. */
const lastHop: Middleware = (request: IncomingMessage & { ip?: string | undefined }, _response, next) => {
  request.ip = String(request.headers['x-forwarded-for']).split(', ').at(-1)
  next()
}

const hosts = {
  'Express 5': { plain: () => express(), trusting: () => express().set('trust proxy', 1) },
  'Express 4': { plain: () => express4(), trusting: () => express4().set('trust proxy', 1) },
  Connect: { plain: () => connect(), trusting: () => connect().use(lastHop) },
}

describe('the address of a client', () => {
  let app: TestApp
  before(async () => {
    app = await startApp()
  })
  after(() => app.close())

  /** The address stored with a session that a client behind a proxy began. */
  async function addressOn(
    host: ReturnType<(typeof hosts)[keyof typeof hosts]['plain']>,
    lastHop = '198.51.100.7',
  ): Promise<string> {
    ;(host as express.Express).use(app.identsphere.router())
    const server = createServer(host).listen(0, 'localhost')
    try {
      await new Promise((resolve) => server.once('listening', resolve))
      const url = `http://localhost:${(server.address() as AddressInfo).port}`
      const headers = { 'x-forwarded-for': `203.0.113.9, ${lastHop}` }
      const { sessionId } = await signUp({ client: () => new Client(url, headers) })
      const [row] = await app.sql('SELECT ip_address FROM identsphere.user_sessions WHERE id = $1', [sessionId])
      return row.ip_address
    } finally {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  }

  for (const [framework, { plain, trusting }] of Object.entries(hosts)) {
    it(`is that of the connection, unless the host sets req.ip (${framework})`, async () => {
      assert.match(await addressOn(plain()), /^(127\.0\.0\.1|::1)$/)
      assert.equal(await addressOn(trusting()), '198.51.100.7')
      assert.equal(await addressOn(trusting(), '::ffff:198.51.100.7'), '198.51.100.7')
    })
  }
})
