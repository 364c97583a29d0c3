/** A registration that awaits the verification of the address, and what may change meanwhile. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { z } from 'zod'
import { password, startApp, type TestApp } from '../../support/app.js'
import { mailsTo, mailTo, tokenIn } from '../../support/mail.js'

describe("a registration with verification: 'first'", () => {
  let app: TestApp
  before(async () => {
    app = await startApp({ registration: { verification: 'first' } })
  })
  after(() => app.close())

  async function kept(email: string, slug: string): Promise<string> {
    const body = { email, password, organization_name: 'Example Works', organization_slug: slug }
    assert.equal((await app.client().post('/v1/auth/register', body)).status, 202)
    return tokenIn(await mailTo(app, email, /^Confirm your/))
  }
  const complete = (token: string, node: TestApp = app) =>
    node.client().post('/v1/auth/email/verify', { token, password })
  const count = async (table: string, condition = 'true') =>
    Number((await app.sql(`SELECT count(*) AS count FROM identsphere.${table} WHERE ${condition}`))[0].count)

  it('creates one account if made twice, even simultaneously', async () => {
    const email = 'twice@example.com'
    const first = await kept(email, 'twice-1')
    await app.client().post('/v1/auth/register', { email, password, organization_name: 'Example Works' })
    const tokens = [first, ...(await mailsTo(app, email)).map(tokenIn)].filter(
      (one, at, all) => all.indexOf(one) === at,
    )
    assert.equal(tokens.length, 2)
    const answers = await Promise.all(tokens.flatMap((token) => [complete(token), complete(token), complete(token)]))
    assert.equal(answers.filter(({ status }) => status === 200).length, 1)
    assert.ok(answers.every(({ status }) => [200, 401, 409].includes(status)))
    assert.equal(await count('users', `email = '${email}'`), 1)
    assert.equal(await count('user_sessions'), 1)
  })

  it('answers 409 and leaves nothing if its slug was taken meanwhile', async () => {
    const tokens = [await kept('one@example.com', 'wanted'), await kept('two@example.com', 'wanted')]
    const answers = await Promise.all(tokens.map((token) => complete(token)))
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409])
    assert.equal(await count('organizations', "slug = 'wanted'"), 1)
    assert.equal(await count('users', "email IN ('one@example.com', 'two@example.com')"), 1)
  })

  /** @see CVE-2026-29193, Zitadel: a policy that one route did not enforce */
  it('is refused by nodes on which registration was closed meanwhile', async () => {
    const token = await kept('late@example.com', 'late')
    for (const mode of ['closed', 'invitation'] as const) {
      const node = await app.node({ registration: { mode, verification: 'first' } })
      const answer = await complete(token, node)
      assert.deepEqual([answer.status, answer.body.error.code], [403, 'forbidden'])
    }
    assert.equal(await count('users', "email = 'late@example.com'"), 0)
  })

  it('cannot be blocked by earlier guesses of strangers, nor can its account', async () => {
    const email = 'awaited@example.com'
    const login = (secret: string, from: TestApp = app) =>
      from.client().post('/v1/auth/login', { email, password: secret })
    const guess = async () => {
      for (let tries = 0; tries < 11; tries += 1) assert.notEqual((await login('wrong-guess-but-long')).status, 200)
      assert.equal((await login('wrong-guess-but-long')).status, 429)
    }
    const token = await kept(email, 'awaited')
    await guess()
    await app.sql("UPDATE identsphere.budgets SET count = 100 WHERE key LIKE 'password:%:networks'")
    assert.equal((await complete(token)).status, 200)
    app.clock.advance(901)
    assert.equal((await login(password)).status, 200)
  })

  it("passes fields to the host's hook as its schema parsed them", async () => {
    const fields = z.strictObject({ seats: z.string().transform(BigInt), since: z.coerce.date() })
    const seen: unknown[] = []
    const node = await app.node({
      registration: { verification: 'first', fields },
      hooks: { beforeRegister: async (_trx, { fields }) => void seen.push(fields) },
    })
    const email = 'fields@example.com'
    const body = { email, password, organization_name: 'Example Works' }
    const answer = await node
      .client()
      .post('/v1/auth/register', { ...body, fields: { seats: '3', since: '2026-01-02T00:00:00Z' } })
    assert.equal(answer.status, 202)
    assert.equal((await complete(tokenIn(await mailTo(node, email, /^Confirm your/)), node)).status, 200)
    assert.deepEqual(seen, [{ seats: 3n, since: new Date('2026-01-02T00:00:00Z') }])
  })

  it('limits guesses of its password like any other', async () => {
    const token = await kept('guessed@example.com', 'guessed')
    const statuses = []
    for (let guess = 0; guess < 15; guess += 1) {
      const answer = await app.client().post('/v1/auth/email/verify', { token, password: `wrong-guess-${guess}-long` })
      statuses.push(answer.status)
    }
    assert.equal(statuses.at(-1), 429)
  })
})
