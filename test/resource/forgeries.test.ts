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

test('accepts the token that every forgery starts from', async () => {
  const answer = await send(signed(goodHeader, goodClaims))
  assert.equal(answer.status, 200, answer.text)
})

for (const [property, list] of forgeries) {
  describe(property, () => {
    for (const { name, reason, token } of list) {
      // Some tokens never arrive: invalid header values and those above Node's limit. Surrounding spaces are dropped.
      if (typeof token !== 'string' || token.length > 12_000 || !/^(?!.* $)[\x20-\x7e]*$/.test(token)) continue
      test(`rejects ${name}`, async () => {
        const answer = await send(token)
        assert.equal(answer.status, 401)
        assert.equal(answer.body.error.code, 'authentication_required')
        assert.equal(answer.headers['www-authenticate'], 'Bearer error="invalid_token"')
        assert.match(log.lines.at(-1) ?? '', new RegExp(`reason: '${reason}'`))
      })
    }
  })
}

test('fetches keys only once for all forgeries', () => {
  assert.equal(keyServer.requests, 1)
})
