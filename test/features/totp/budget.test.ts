import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { password, startApp, type TestApp } from '../../support/app.js'
import type { Answer } from '../../support/client.js'
import { mailsTo } from '../../support/mail.js'
import { challenged, type Enrolled, enrol, wrongCode } from '../../support/mfa.js'
import { type Service, startService } from '../../support/service.js'

const secret = 'one-secret-of-all-the-nodes-of-this-service'
let app: TestApp
const services: Service[] = []
before(async () => {
  app = await startApp({
    environment: { IDENTSPHERE_JWT_SECRET: secret },
    routes: (express, { requireAuth }) => {
      express.get('/plain', requireAuth(), (_req, res) => void res.json({}))
    },
  })
})
after(async () => {
  for (const service of services) await service.close()
  await app.close()
})

type Nodes = Pick<TestApp, 'client'>

/** One wrong answer to a new challenge, so that only the account's budget counts. */
async function miss(person: Enrolled, node: Nodes = app) {
  const mfaToken = await challenged(node, person.email)
  const code = wrongCode(person.secret, app.clock.now())
  return node.client().post('/v1/auth/mfa/challenge', { mfa_token: mfaToken, code })
}

async function answerRight(person: Enrolled, node: Nodes = app) {
  const mfaToken = await challenged(node, person.email)
  return node.client().post('/v1/auth/mfa/challenge', { mfa_token: mfaToken, code: person.code() })
}

async function enrolled(): Promise<Enrolled> {
  const person = await enrol(app)
  app.clock.advance(30)
  return person
}

const countOf = async ({ userId }: Enrolled): Promise<number> =>
  (await app.sql('SELECT count FROM identsphere.budgets WHERE key = $1', [`mfa:${userId}`]))[0]?.count ?? 0
const seed = ({ userId }: Enrolled, count: number) =>
  app.sql(
    `INSERT INTO identsphere.budgets (key, count, window_ends_at) VALUES ($1, $2, now() + interval '40 days')
     ON CONFLICT (key) DO UPDATE SET count = $2, streak = 0, blocked_until = NULL`,
    [`mfa:${userId}`, count],
  )

/** Asserts the wait in seconds, minus the time that has passed since. The database's clock keeps running. */
function assertWait({ headers }: Answer, seconds: number): void {
  const wait = Number(headers['retry-after'])
  assert.ok(wait <= seconds && wait > seconds - 10, `${wait} of ${seconds}`)
}

/**
 * @see GHSA better-auth #10240, #10210
 * @see CVE-2026-9798, Keycloak: a second method that the lock of another method did not cover
 */
describe("the attempts at an account's second factor", () => {
  it('count across challenges, step-ups, recovery codes and nodes', async () => {
    const node = await app.node({ publicBaseUrl: app.url })
    const person = await enrolled()
    assert.equal((await miss(person)).status, 401)
    assert.equal((await miss(person, node)).status, 401)
    const stepUp = await person.client.post('/v1/auth/mfa/verify', { code: wrongCode(person.secret, app.clock.now()) })
    assert.equal(stepUp.status, 401)
    const recovery = await node.client().post('/v1/auth/mfa/challenge', {
      mfa_token: await challenged(node, person.email),
      recovery_code: '0000-0000-0000-0000',
    })
    assert.equal(recovery.status, 401)
    assert.equal((await miss(person)).status, 401)
    assert.equal(await countOf(person), 5)
    for (const refused of [
      await answerRight(person),
      await answerRight(person, node),
      await person.client.post('/v1/auth/mfa/verify', { code: person.code() }),
    ]) {
      assert.equal(refused.status, 429)
      assert.equal(refused.body.error.code, 'rate_limited')
      assertWait(refused, 15)
    }
  })

  it('require a first factor, so that strangers lock no user out', async () => {
    const person = await enrolled()
    for (let tries = 0; tries < 6; tries += 1) {
      await app.client().post('/v1/auth/login', { email: person.email, password: 'another-lone-heron-9' })
      await app.client().post('/v1/auth/email-otp/verify', { email: person.email, code: '000000' })
      await app.client().post('/v1/auth/mfa/challenge', { mfa_token: 'x', code: '000000' })
    }
    assert.equal(await countOf(person), 0)
    assert.equal((await answerRight(person)).status, 200)
  })

  it('are spaced at intervals that grow to a quarter of an hour', async () => {
    const person = await enrolled()
    for (let tries = 0; tries < 4; tries += 1) await miss(person)
    for (const seconds of [15, 30, 60, 120, 240, 480, 900, 900, 900]) {
      assert.equal((await miss(person)).status, 401)
      const refused = await answerRight(person)
      assert.equal(refused.status, 429)
      assertWait(refused, seconds)
      app.clock.advance(seconds)
    }
  })

  it('need no wait after a success, which does not reset the count', async () => {
    const person = await enrolled()
    for (let tries = 0; tries < 5; tries += 1) await miss(person)
    app.clock.advance(30)
    assert.equal((await answerRight(person)).status, 200)
    assert.equal(await countOf(person), 5)
    for (let tries = 0; tries < 4; tries += 1) assert.equal((await miss(person)).status, 401)
    app.clock.advance(30)
    assert.equal((await answerRight(person)).status, 200)
    assert.equal(await countOf(person), 9)
  })

  /** @see Logto 9de40208e2: a count that was returned as text */
  it('count as numbers: 10 is followed by 11', async () => {
    const person = await enrolled()
    await seed(person, 10)
    await miss(person)
    assert.equal(await countOf(person), 11)
  })

  it('are limited to five of 20 simultaneous ones across two processes', async () => {
    for (let count = 0; count < 2; count += 1) services.push(await startService({ database: app.databaseUrl, secret }))
    const person = await enrol(app)
    const tokens: string[] = []
    for (let count = 0; count < 20; count += 1) tokens.push(await challenged(app, person.email))
    const code = wrongCode(person.secret, app.clock.now())
    const answers = await Promise.all(
      tokens.map((mfaToken, index) =>
        (services[index % 2] as Service).client().post('/v1/auth/mfa/challenge', { mfa_token: mfaToken, code }),
      ),
    )
    assert.equal(answers.filter(({ status }) => status === 401).length, 5)
    assert.equal(answers.filter(({ status }) => status === 429).length, 15)
    assert.equal(await countOf(person), 5)
  })
})

describe('a hundred failed attempts in 30 days', () => {
  it('block codes of the app, but neither sessions nor recovery codes', async () => {
    const person = await enrolled()
    await seed(person, 99)
    assert.equal((await miss(person)).status, 401)
    const refused = await answerRight(person)
    assert.equal(refused.status, 429)
    assert.match(refused.body.error.message, /recovery code/)
    assert.ok(Number(refused.headers['retry-after']) > 0)
    app.clock.advance(86_400)
    await person.client.post('/v1/auth/refresh')
    assert.equal((await answerRight(person)).status, 429)
    assert.equal((await person.client.post('/v1/auth/mfa/verify', { code: person.code() })).status, 429)
    assert.equal((await person.client.get('/plain')).status, 200)

    const client = app.client()
    const recovered = await client.post('/v1/auth/mfa/challenge', {
      mfa_token: await challenged(app, person.email),
      recovery_code: person.recoveryCodes[0],
    })
    assert.equal(recovered.status, 200, recovered.text)
    const again = await enrol(app, { ...person, client })
    app.clock.advance(30)
    assert.equal((await answerRight(again)).status, 200)
  })

  it('are forgotten at the end of the window', async () => {
    const person = await enrolled()
    await seed(person, 100)
    assert.equal((await answerRight(person)).status, 429)
    app.clock.advance(41 * 86_400)
    assert.equal((await answerRight(person)).status, 200)
  })
})

describe('the notice of failed attempts', () => {
  const notices = async ({ email }: Enrolled) =>
    (await mailsTo(app, email)).filter(({ subject }) => /^Wrong codes were entered/.test(subject)).length

  it('is sent if attempts are spread over challenges that stay unused', async () => {
    const person = await enrolled()
    for (let tries = 1; tries <= 4; tries += 1) assert.equal((await miss(person)).status, 401)
    assert.equal(await notices(person), 0)
    assert.equal((await miss(person)).status, 401)
    assert.equal(await notices(person), 1)
  })

  it('is sent for attempts in a session', async () => {
    const person = await enrolled()
    for (let tries = 1; tries <= 5; tries += 1) {
      const code = wrongCode(person.secret, app.clock.now())
      assert.equal((await person.client.post('/v1/auth/mfa/verify', { code })).status, 401)
    }
    assert.equal(await notices(person), 1)
  })

  it('is sent once a day', async () => {
    const person = await enrolled()
    const burn = async () => {
      const mfaToken = await challenged(app, person.email)
      const code = wrongCode(person.secret, app.clock.now())
      for (let tries = 0; tries < 5; tries += 1) {
        await app.client().post('/v1/auth/mfa/challenge', { mfa_token: mfaToken, code })
        app.clock.advance(10)
      }
    }
    await miss(person)
    assert.equal(await notices(person), 0)
    app.clock.advance(60)
    await seed(person, 0)
    await burn()
    assert.equal(await notices(person), 1)
    await seed(person, 0)
    await burn()
    assert.equal(await notices(person), 1)
    assert.equal((await app.client().post('/v1/auth/login', { email: person.email, password })).status, 200)
  })
})
