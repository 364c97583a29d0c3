/** Tests the guarded routes of an application: real sessions, real guards, plain HTTP. It works with any test runner. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, describe, it } from 'node:test'
import { createTestIdentSphere, type TestIdentSphere } from '../../lib/testing/index.js' // from 'identsphere/testing'
import { createApp } from './app.js'

let identsphere: TestIdentSphere
let server: Server
let url: string

before(async () => {
  identsphere = await createTestIdentSphere()
  server = createApp(identsphere).listen(0, 'localhost')
  await once(server, 'listening')
  url = `http://localhost:${(server.address() as AddressInfo).port}`
})
beforeEach(() => identsphere.reset())
after(async () => {
  server.closeAllConnections()
  server.close()
  await identsphere.close()
})

async function codeOf(answer: Response): Promise<string> {
  const { error } = (await answer.json()) as { error: { code: string } }
  return error.code
}

describe('projects', () => {
  it('are only visible to members of their organization', async () => {
    const ada = await identsphere.signedIn()
    const member = await identsphere.signedIn({ organizationId: ada.organizationId, role: 'member' })
    const stranger = await identsphere.signedIn()

    const created = await fetch(`${url}/projects`, {
      method: 'POST',
      headers: { ...member.headers, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'Engine' }),
    })
    assert.equal(created.status, 201)
    assert.deepEqual(await (await fetch(`${url}/projects`, { headers: ada.headers })).json(), [
      { name: 'Engine', organizationId: ada.organizationId },
    ])
    assert.deepEqual(await (await fetch(`${url}/projects`, { headers: stranger.headers })).json(), [])
    assert.equal((await fetch(`${url}/projects`)).status, 401)
  })

  it('cannot be created by viewers, or without a CSRF token', async () => {
    const viewer = await identsphere.signedIn({ role: 'viewer' })
    assert.equal((await fetch(`${url}/projects`, { method: 'POST', headers: viewer.headers })).status, 403)

    const ada = await identsphere.signedIn()
    const forged = await fetch(`${url}/projects`, { method: 'POST', headers: { cookie: ada.cookies } })
    assert.equal(await codeOf(forged), 'csrf_failed')
  })
})

describe('payouts', () => {
  it('need a second factor of the last half hour', async () => {
    const payout = (headers: Record<string, string>) => fetch(`${url}/payouts`, { method: 'POST', headers })
    const billing = await identsphere.signedIn({ role: 'billing', mfa: 25 * 60 })
    assert.equal((await payout(billing.headers)).status, 202)
    assert.equal((await payout(billing.bearer.headers)).status, 202)

    identsphere.clock.advance(6 * 60)
    assert.equal(await codeOf(await payout(billing.headers)), 'mfa_required')
  })
})
