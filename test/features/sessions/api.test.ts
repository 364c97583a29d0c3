import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import type { Api } from '../../../lib/index.js'
import { signIn, startApp, type TestApp } from '../../support/app.js'
import { anotherBrowser, newPerson } from '../../support/people.js'

let app: TestApp
let sessions: Api['sessions']
before(async () => {
  app = await startApp()
  sessions = app.identsphere.api.sessions
})
after(() => app?.close())

describe('api.sessions', () => {
  it('lists the live sessions of this user only', async () => {
    const { email, userId, sessionId } = await newPerson(app)
    await newPerson(app)
    const second = await anotherBrowser(app, email)
    const listed = await sessions.list(userId)
    assert.equal(listed.length, 2)
    const first = listed.find((session) => session.sessionId === sessionId)
    assert.equal(first?.authMethod, 'password')
    assert.ok(first?.expiresAt instanceof Date && first.expiresAt > first.createdAt)
    await second.post('/v1/auth/logout')
    assert.deepEqual(
      (await sessions.list(userId)).map((session) => session.sessionId),
      [sessionId],
    )
    assert.deepEqual(await sessions.list(randomUUID()), [])
  })

  it('revokes one session on every node from the next request on', async () => {
    const { client, email, sessionId } = await newPerson(app)
    const other = await anotherBrowser(app, email)
    const node = await app.node()
    await node.identsphere.api.sessions.revoke(sessionId)
    assert.equal((await client.get('/v1/users/me')).status, 401)
    assert.equal((await other.get('/v1/users/me')).status, 200)
  })

  it('rejects a second or unknown revocation with not_found', async () => {
    const { sessionId } = await newPerson(app)
    const results = await Promise.allSettled([sessions.revoke(sessionId), sessions.revoke(sessionId)])
    assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
    await assert.rejects(sessions.revoke(sessionId), { code: 'not_found' })
    await assert.rejects(sessions.revoke(randomUUID()), { code: 'not_found' })
  })

  it('revokes all sessions, returns their number and permits a new sign-in', async () => {
    const { client, email, userId } = await newPerson(app)
    const other = await anotherBrowser(app, email)
    const stranger = await newPerson(app)
    assert.equal(await sessions.revokeAll(userId), 2)
    for (const browser of [client, other]) {
      assert.equal((await browser.get('/v1/users/me')).status, 401)
      assert.equal((await browser.post('/v1/auth/refresh')).status, 401)
    }
    assert.equal((await stranger.client.get('/v1/users/me')).status, 200)
    assert.equal(await sessions.revokeAll(userId), 0)
    await anotherBrowser(app, email)
    await assert.rejects(sessions.revokeAll(randomUUID()), { code: 'not_found' })
  })

  it('revokeAll also ends a sign-in between its password check and its session', async () => {
    const { email, userId } = await newPerson(app)
    let proven: (() => void) | undefined
    let go: (() => void) | undefined
    const hookReached = new Promise<void>((resolve) => {
      proven = resolve
    })
    const allowed = new Promise<void>((resolve) => {
      go = resolve
    })
    const node = await app.node({
      hooks: {
        async beforeSignIn() {
          proven?.()
          await allowed
        },
      },
    })
    const entering = signIn(node, email)
    await hookReached
    await sessions.revokeAll(userId)
    go?.()
    await assert.rejects(entering, /login answered 401/)
    assert.deepEqual(await sessions.list(userId), [])
  })

  it('accepts ids only', async () => {
    for (const wrong of [undefined, null, 7, {}, [], [randomUUID()], '', 'x', 'a\0b'] as never[]) {
      for (const call of [sessions.list, sessions.revoke, sessions.revokeAll]) {
        await assert.rejects(call(wrong), { code: 'invalid_input' })
      }
    }
  })
})
