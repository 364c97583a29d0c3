import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { buildResourceServer } from '../../lib/resource/resource-server.js'
import type { Client } from '../support/client.js'
import { audience, clock, forgeries, goodClaims, goodHeader, issuer, keys, signed } from '../support/forgeries.js'
import { type KeyServer, startKeyServer } from '../support/key-server.js'
import { createLogRecorder } from '../support/log.js'
import { startRoutes } from '../support/resource.js'

const log = createLogRecorder()
let keyServer: KeyServer
let routes: Awaited<ReturnType<typeof startRoutes>>
let client: Client
before(async () => {
  keyServer = await startKeyServer()
  keyServer.serve(keys.publicJwks)
  const identsphere = buildResourceServer(
    { issuer, audience, jwksUri: keyServer.url, logger: log, development: true },
    { environment: {}, clock },
  )
  routes = await startRoutes({ '/guarded': [identsphere.requireAuth()] })
  client = routes.client
})
after(async () => {
  await routes.close()
  await keyServer.close()
})

const send = (token: string) => client.get('/guarded', { headers: { authorization: `Bearer ${token}` } })

test('the token that every forgery starts from is let through', async () => {
  const answer = await send(signed(goodHeader, goodClaims))
  assert.equal(answer.status, 200, answer.text)
})

for (const [property, list] of forgeries) {
  describe(property, () => {
    for (const { name, reason, token } of list) {
      // What is no value of a header, or longer than Node lets one be, never comes here; blanks around it are dropped.
      if (typeof token !== 'string' || token.length > 12_000 || !/^(?!.* $)[\x20-\x7e]*$/.test(token)) continue
      test(name, async () => {
        const answer = await send(token)
        assert.equal(answer.status, 401)
        assert.equal(answer.body.error.code, 'authentication_required')
        assert.equal(answer.headers['www-authenticate'], 'Bearer error="invalid_token"')
        assert.match(log.lines.at(-1) ?? '', new RegExp(`reason: '${reason}'`))
      })
    }
  })
}

test('no forgery made anybody fetch keys more than once', () => {
  assert.equal(keyServer.requests, 1)
})
