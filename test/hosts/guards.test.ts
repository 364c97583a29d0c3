import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import express from 'express'
import type { Middleware } from '../../lib/core/http/router.js'
import type { IdentSphere } from '../../lib/identsphere.js'
import { signUp, startApp, type TestApp } from '../support/app.js'
import { Client } from '../support/client.js'
import { type Framework, frameworks } from '../support/host.js'

const page = { accept: 'text/html' }

/** Guards and handlers below `/area`, with methods that all three frameworks have. */
function guarded(
  framework: Framework,
  { requireAuth, requireRole, optionalAuth, auth, authOrNull }: IdentSphere,
): Server {
  const app = frameworks[framework]()
  const use = (path: string, ...chain: Middleware[]) => {
    for (const middleware of chain) (app as express.Express).use(`/area${path}`, middleware)
  }
  const whoever = (request: IncomingMessage, response: ServerResponse) => {
    assert.equal(request.identsphere, auth(request))
    response.end(request.identsphere?.userId)
  }
  use('/auth', requireAuth(), whoever)
  use('/role', requireRole('admin'), whoever)
  use('/viewer', requireRole('viewer'), requireAuth(), whoever)
  use('/page', requireAuth({ onDenied: 'redirect' }), whoever)
  use('/told', requireAuth({ onDenied: (error, _request, response) => void response.end(error.code) }), whoever)
  use('/anyone', optionalAuth(), (request, response) => void response.end(authOrNull(request)?.userId ?? 'nobody'))
  use('/form', express.urlencoded({ extended: false }) as unknown as Middleware, requireAuth(), whoever)
  return createServer(app)
}

for (const framework of Object.keys(frameworks) as Framework[]) {
  describe(`the guards on ${framework}`, () => {
    let app: TestApp
    let server: Server
    let client: Client
    let owner: Awaited<ReturnType<typeof signUp>>
    before(async () => {
      app = await startApp()
      owner = await signUp(app)
      server = guarded(framework, app.identsphere).listen(0, 'localhost')
      await new Promise((resolve) => server.once('listening', resolve))
      client = new Client(`http://localhost:${(server.address() as AddressInfo).port}`)
    })
    after(async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await app.close()
    })

    const cookies = () => ({ cookie: `identsphere_at=${owner.client.cookie('at')}` })

    it('let permitted users pass and identify them by type and by name', async () => {
      for (const path of ['/area/auth', '/area/role', '/area/viewer', '/area/page', '/area/told', '/area/anyone']) {
        const answer = await client.get(path, { headers: cookies() })
        assert.deepEqual([answer.status, answer.text], [200, owner.userId], path)
      }
    })

    it("deny all others with the envelope or the host's own answer", async () => {
      for (const path of ['/area/auth', '/area/role', '/area/viewer', '/area/page', '/area/form']) {
        const answer = await client.get(path)
        assert.deepEqual([answer.status, answer.body.error.code], [401, 'authentication_required'], path)
        assert.equal(answer.headers['www-authenticate'], 'Bearer')
      }
      assert.equal((await client.get('/area/told')).text, 'authentication_required')
      assert.equal((await client.get('/area/anyone')).text, 'nobody')
      await app.sql(`UPDATE identsphere.organization_memberships SET role = 'viewer'`)
      try {
        assert.equal((await client.get('/area/role', { headers: cookies() })).status, 403)
        assert.equal((await client.get('/area/viewer', { headers: cookies() })).status, 200)
      } finally {
        await app.sql(`UPDATE identsphere.organization_memberships SET role = 'owner'`)
      }
    })

    it('require a CSRF token, which may be a parsed form field', async () => {
      const csrf = owner.client.cookie('csrf') ?? ''
      assert.equal((await client.post('/area/auth', {}, { headers: cookies() })).status, 403)
      assert.equal((await client.post('/area/auth', {}, { headers: cookies(), csrf })).status, 200)
      const headers = { ...cookies(), 'content-type': 'application/x-www-form-urlencoded' }
      assert.equal((await client.send('POST', '/area/form', { raw: '_csrf=x', headers })).status, 403)
      const raw = String(new URLSearchParams({ _csrf: csrf }))
      assert.equal((await client.send('POST', '/area/form', { raw, headers })).status, 200)
    })

    it('return a page load to its full address despite framework shortening', async () => {
      const answer = await client.get('/area/page/7?year=2026', { headers: page })
      assert.equal(answer.status, 303)
      assert.equal(answer.headers.location, '/v1/auth/resume?return_to=%2Farea%2Fpage%2F7%3Fyear%3D2026')
    })
  })
}

describe('a mount path that publicBaseUrl lacks', () => {
  let app: TestApp
  before(async () => {
    app = await startApp()
  })
  after(() => app.close())

  for (const framework of Object.keys(frameworks) as Framework[]) {
    it(`is logged once, with the setting to change (${framework})`, async () => {
      for (const [mount, publicPath, told] of [
        ['/identity', '', 1],
        ['/identity', '/identity', 0],
        ['/identity', '/behind/a/proxy/identity', 0],
        ['/', '', 0],
        ['/', '/stripped/by/a/proxy', 0],
      ] as const) {
        const node = await app.node({ publicBaseUrl: `http://localhost:3000${publicPath}` })
        const host = frameworks[framework]()
        ;(host as express.Express).use(mount, node.identsphere.router())
        const server = createServer(host).listen(0, 'localhost')
        try {
          await new Promise((resolve) => server.once('listening', resolve))
          const url = `http://localhost:${(server.address() as AddressInfo).port}${mount.replace(/\/$/, '')}`
          for (const path of ['/v1/health', '/v1/health?x=1', '/.well-known/jwks.json']) {
            assert.equal((await new Client(url).get(path)).status, 200)
          }
          const lines = node.log.lines.filter((line) =>
            line.includes('Set publicBaseUrl to the address that browsers use'),
          )
          assert.equal(lines.length, told, `${mount} ${publicPath}`)
          if (told > 0) assert.match(lines[0] ?? '', /mounted at \/identity,/)
        } finally {
          server.closeAllConnections()
          await new Promise((resolve) => server.close(resolve))
        }
      }
    })
  }
})
