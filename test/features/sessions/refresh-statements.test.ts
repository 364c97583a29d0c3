import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Knex } from 'knex'
import { startApp, type TestApp } from '../../support/app.js'
import { refreshNatively, signInNatively } from '../../support/native-client.js'
import { anotherBrowser, newPerson } from '../../support/people.js'
import { recordingKnex, type Statement } from '../../support/work.js'

describe('a refresh', () => {
  let app: TestApp
  let node: TestApp
  let knex: Knex
  let statements: Statement[]
  let email: string
  before(async () => {
    app = await startApp()
    const recording = recordingKnex(app.databaseUrl)
    knex = recording.knex
    statements = recording.statements
    node = await app.node({ database: knex, publicBaseUrl: app.url })
    await node.identsphere.ready()
    email = (await newPerson(app)).email
  })
  after(async () => {
    await app.close()
    await knex.destroy()
  })

  /** How many statements it takes. */
  async function countOf(act: () => Promise<{ status: number }>, status: number): Promise<number> {
    statements.length = 0
    assert.equal((await act()).status, status)
    return statements.length
  }

  it('is one statement, for a token in the body and for one in a cookie', async () => {
    const { refreshToken } = await signInNatively(node, email)
    assert.equal(await countOf(() => refreshNatively(node, refreshToken), 200), 1)
    const browser = await anotherBrowser(node, email)
    assert.equal(await countOf(() => browser.post('/v1/auth/refresh'), 200), 1)
  })

  it('is one statement if it is a retry within the grace', async () => {
    const { refreshToken } = await signInNatively(node, email)
    await refreshNatively(node, refreshToken)
    assert.equal(await countOf(() => refreshNatively(node, refreshToken), 200), 1)
  })

  it('is one statement that changes nothing without the CSRF token', async () => {
    const browser = await anotherBrowser(node, email)
    const before = await app.sql('SELECT * FROM identsphere.refresh_tokens ORDER BY session_id, generation')
    assert.equal(await countOf(() => browser.post('/v1/auth/refresh', undefined, { csrf: false }), 403), 1)
    assert.deepEqual(await app.sql('SELECT * FROM identsphere.refresh_tokens ORDER BY session_id, generation'), before)
  })

  it('is no statement for what is no refresh token', async () => {
    assert.equal(await countOf(() => refreshNatively(node, 'x'.repeat(43)), 401), 0)
  })
})
