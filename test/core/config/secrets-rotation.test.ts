import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { buildIdentSphere } from '../../../lib/identsphere.js'
import { signIn, signUp, startApp, type TestApp } from '../../support/app.js'
import type { Client } from '../../support/client.js'

const fresh = () => randomBytes(32).toString('base64url')

describe('rotated root secrets', () => {
  const first = { version: 1, value: fresh() }
  const second = { version: 2, value: fresh() }
  let oldNode: TestApp
  let newNode: TestApp
  before(async () => {
    oldNode = await startApp({ secrets: [first] })
    newNode = await oldNode.node({ secrets: [second, first], publicBaseUrl: oldNode.url })
  })
  after(() => oldNode.close())

  /** The same browser at the node with the new secret. */
  function moved(client: Client): Client {
    const there = newNode.client({ origin: oldNode.url })
    for (const [name, cookie] of client.cookies) there.cookies.set(name, cookie)
    return there
  }

  it('sign with the newest, but still accept older CSRF tokens', async () => {
    const { client } = await signUp(oldNode)
    assert.match(client.cookie('csrf') ?? '', /^1\./)
    const browser = moved(client)
    assert.equal((await browser.patch('/v1/users/me', { bio: 'x' })).status, 200)
    assert.equal((await browser.post('/v1/auth/refresh')).status, 200)
    assert.match(browser.cookie('csrf') ?? '', /^2\./)
    assert.equal((await browser.patch('/v1/users/me', { bio: 'y' })).status, 200)
  })

  it('keep the grace period of a refresh token that was used before', async () => {
    const { client } = await signUp(oldNode)
    const retry = moved(client)
    const refreshed = await client.post('/v1/auth/refresh')
    assert.equal(refreshed.status, 200, refreshed.text)
    const again = await retry.post('/v1/auth/refresh')
    assert.equal(again.status, 200, again.text)
    assert.equal(retry.cookie('rt'), client.cookie('rt'), 'the same successor')
    assert.equal((await retry.get('/v1/auth/session')).status, 200)
  })

  it("keep known browsers, and the key of a user's audit rows", async () => {
    const { client, email, userId } = await signUp(oldNode)
    const device = client.cookie('device')
    assert.match(device ?? '', /^1\./)
    const browser = moved(client)
    const login = await browser.post('/v1/auth/login', { email, password: 'correct-horse-battery-7' })
    assert.equal(login.status, 200, login.text)
    assert.equal(browser.cookie('device'), device)
    const keys = await oldNode.sql('SELECT key_version FROM identsphere.audit_subject_keys WHERE subject_id = $1', [
      userId,
    ])
    assert.deepEqual(keys, [{ key_version: 1 }])
  })

  it('fail the start by name if a version that seals rows is missing', async () => {
    const { email } = await signUp(oldNode)
    const without = buildIdentSphere(
      { database: oldNode.databaseUrl, publicBaseUrl: oldNode.url, secrets: [second], logger: oldNode.log },
      { environment: oldNode.environment, clock: oldNode.clock },
    )
    try {
      await assert.rejects(without.ready(), /secrets lacks version 1.*Put that secret back/)
      await assert.rejects(without.ready(), /secrets lacks version 1/, 'checked again, not remembered as ready')
      assert.ok(oldNode.log.lines.some((line) => line.startsWith('error') && line.includes('secrets lacks version 1')))
    } finally {
      await without.close()
    }
    await newNode.identsphere.ready()
    await signIn(newNode, email)
  })

  it('void their CSRF tokens once removed', async () => {
    const { client } = await signUp(newNode)
    assert.match(client.cookie('csrf') ?? '', /^2\./)
    const there = oldNode.client()
    for (const [name, cookie] of client.cookies) there.cookies.set(name, cookie)
    assert.equal((await there.get('/v1/auth/session')).status, 200, 'the access token has its own key')
    assert.equal((await there.patch('/v1/users/me', { bio: 'x' })).status, 403)
  })
})
