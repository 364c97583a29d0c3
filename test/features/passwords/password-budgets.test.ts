import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { password, signIn, signUp, startApp, type TestApp } from '../../support/app.js'
import type { Answer, Client } from '../../support/client.js'
import { needs } from '../../support/host.js'
import { importedHash, newPerson } from '../../support/people.js'
import { hashingOf } from '../../support/work.js'

const wrong = 'another-lone-heron-9'
const perSource = 10
const consecutive = 100

/** A user whose password strangers guess. Comparing with an imported hash is cheap, and these tests do it 500 times. */
const target = (app: TestApp) => newPerson(app, { passwordHash: importedHash })

/** A sign-in has replaced the imported hash. */
const importAgain = (app: TestApp, email: string) =>
  app.sql('UPDATE identsphere.users SET password_hash = $1 WHERE email = $2', [importedHash, email])

/** A browser with this apparent address. The app trusts the header. */
const from = (app: TestApp, address: string) => app.client({ 'x-forwarded-for': address })

const guess = (client: Client, email: string, secret = wrong): Promise<Answer> =>
  client.post('/v1/auth/login', { email, password: secret })

async function guesses(client: Client, email: string, count: number): Promise<number[]> {
  const statuses: number[] = []
  for (let index = 0; index < count; index += 1) statuses.push((await guess(client, email)).status)
  return statuses
}

describe('password budgets', () => {
  let app: TestApp
  before(async () => {
    app = await startApp({ before: (host) => void host.set('trust proxy', true) })
  })
  after(() => app.close())

  it('allow a network 10 failures per account and quarter of an hour', {
    skip: needs('trust proxy'),
  }, async () => {
    const { email } = await target(app)
    const stranger = from(app, '203.0.113.1')
    assert.deepEqual(await guesses(stranger, email, perSource), Array(perSource).fill(401))
    const refused = await guess(stranger, email, password)
    assert.equal(refused.status, 429)
    assert.equal(refused.body.error.code, 'rate_limited')
    const wait = Number(refused.headers['retry-after'])
    assert.ok(wait > 0 && wait <= 900, String(wait))
    assert.equal((await guess(from(app, '203.0.114.1'), email)).status, 401, 'another network has its own budget')
    app.clock.advance(wait + 1)
    assert.equal((await guess(stranger, email)).status, 401)
  })

  it('are the same for addresses without an account', async () => {
    const { email } = await target(app)
    const answers = await Promise.all(
      [email, 'no-account@example.com'].map(async (address, index) => {
        const client = from(app, `198.18.${index}.1`)
        await guesses(client, address, perSource)
        return guess(client, address)
      }),
    )
    const [known, unknown] = answers.map(({ status, body, headers }) => {
      const { 'retry-after': _, date: __, 'x-request-id': ___, ...others } = headers
      return { status, error: { ...body.error, request_id: null }, headers: others }
    })
    assert.equal(known?.status, 429)
    assert.deepEqual(unknown, known)
  })

  it('spend no hash on a rejected attempt', async () => {
    const { email } = await target(app)
    const stranger = from(app, '203.0.113.2')
    const spent = await hashingOf(() => guesses(stranger, email, perSource))
    assert.equal(spent.length, perSource)
    assert.deepEqual(await hashingOf(() => guesses(stranger, email, 5)), [])
  })

  it('are reset after a success', async () => {
    const { email } = await target(app)
    const client = from(app, '203.0.113.3')
    for (let round = 0; round < 3; round += 1) {
      await importAgain(app, email)
      assert.deepEqual(await guesses(client, email, perSource - 1), Array(perSource - 1).fill(401))
      assert.equal((await guess(client, email, password)).status, 200)
    }
  })

  /** @see NIST SP 800-63B-4 section 3.2.2: at most 100 consecutive failures */
  it('allow all strangers together 100 consecutive failures, across nodes and in parallel', {
    skip: needs('trust proxy'),
  }, async () => {
    const { email, client: owner } = await signUp(app)
    await importAgain(app, email)
    const second = await app.node()
    const networks = Array.from({ length: 20 }, (_, index) => `100.64.${index}.1`)
    const answers = await Promise.all(
      networks.flatMap((address, index) =>
        Array.from({ length: 7 }, () => guess(from(index % 2 === 0 ? app : second, address), email)),
      ),
    )
    const evaluated = answers.filter(({ status }) => status === 401).length
    assert.equal(evaluated, consecutive)
    assert.equal(answers.filter(({ status }) => status === 429).length, answers.length - consecutive)

    app.clock.advance(40 * 86_400)
    const late = await guess(from(app, '100.65.0.1'), email, password)
    assert.equal(late.status, 429, 'only a success resets the count')
    assert.ok(Number(late.headers['retry-after']) <= 3_600)

    // The owner's browser has signed in before. Its success resets the strangers' count.
    assert.ok(owner.cookie('device'))
    owner.cookies.delete('identsphere_at')
    assert.equal((await guess(owner, email, password)).status, 200)
    assert.equal((await guess(from(app, '100.65.0.1'), email)).status, 401)
  })

  it("hold for a network's parallel guesses across two nodes", async () => {
    const { email } = await target(app)
    const second = await app.node()
    const hashing = await hashingOf(async () => {
      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, index) => guess(from(index % 2 === 0 ? app : second, '203.0.113.4'), email)),
      )
      assert.equal(answers.filter(({ status }) => status === 401).length, perSource)
      assert.equal(answers.filter(({ status }) => status === 429).length, 40 - perSource)
    })
    assert.equal(hashing.length, perSource)
  })

  /** @see CVE-2026-45364, better-auth */
  it('count an IPv6 /64 as one network, and the next /64 as another', {
    skip: needs('trust proxy'),
  }, async () => {
    const { email } = await target(app)
    for (let host = 1; host <= perSource; host += 1) {
      assert.equal((await guess(from(app, `2001:db8:0:1::${host.toString(16)}`), email)).status, 401)
    }
    for (const address of ['2001:db8:0:1::ff', '2001:db8:0:1:ffff:ffff:ffff:ffff', '2001:0DB8:0000:0001::1']) {
      assert.equal((await guess(from(app, address), email)).status, 429, address)
    }
    assert.equal((await guess(from(app, '2001:db8:0:2::1'), email)).status, 401)
  })

  /** @see CVE-2026-30827, express-rate-limit */
  it('count an IPv4-mapped IPv6 address as that IPv4 address', {
    skip: needs('trust proxy'),
  }, async () => {
    const { email } = await target(app)
    await guesses(from(app, '198.51.100.1'), email, perSource)
    assert.equal((await guess(from(app, '::ffff:198.51.100.1'), email)).status, 429)
    assert.equal((await guess(from(app, '::ffff:198.51.101.1'), email)).status, 401)
  })

  it('count all clients without a valid address as one network', async () => {
    const { email } = await target(app)
    for (let index = 0; index < perSource; index += 1) {
      assert.equal((await guess(from(app, `no-address-${index}`), email)).status, 401)
    }
    assert.equal((await guess(from(app, 'another'), email)).status, 429)
  })

  it('leave one audit row a minute regardless of the number of failures', async () => {
    const { email, userId } = await target(app)
    const rows = async () =>
      (
        await app.sql(
          `SELECT actor_id, subject_id, resource_id, status, metadata FROM identsphere.audit_logs
           WHERE action = 'auth.login.failed' AND subject_id = $1`,
          [userId],
        )
      ).map((row) => row)
    await Promise.all(Array.from({ length: 8 }, (_, index) => guess(from(app, `192.0.2.${index}`), email)))
    const expected = { actor_id: null, subject_id: userId, resource_id: userId, status: 'failure', metadata: {} }
    assert.deepEqual(await rows(), [expected])
    app.clock.advance(61)
    await Promise.all(Array.from({ length: 8 }, (_, index) => guess(from(app, `192.0.3.${index}`), email)))
    assert.deepEqual(await rows(), [expected, expected])
  })

  it('name neither account nor client in their table', async () => {
    await guesses(from(app, '203.0.113.77'), 'visible@example.com', 2)
    const [found] = await app.sql(`SELECT count(*)::int FROM identsphere.budgets WHERE key LIKE '%visible%'`)
    assert.equal(found.count, 0)
  })
})

/** @see https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies */
describe('a browser that has signed in before', () => {
  let app: TestApp
  before(async () => {
    app = await startApp({ before: (host) => void host.set('trust proxy', true) })
  })
  after(() => app.close())

  it('keeps its own budget, so that strangers cannot lock the owner out', async () => {
    const { email } = await target(app)
    const owner = await signIn(app, email)
    await owner.post('/v1/auth/logout')
    assert.ok(owner.cookie('device'), 'logout keeps the cookie')
    const stranger = app.client()
    await guesses(stranger, email, perSource)
    assert.equal((await guess(stranger, email, password)).status, 429)
    assert.equal((await guess(owner, email, password)).status, 200)
  })

  it('has 10 failures, then counts as a stranger of its network', {
    skip: needs('trust proxy'),
  }, async () => {
    const { email } = await target(app)
    const thief = from(app, '203.0.120.1')
    assert.equal((await guess(thief, email, password)).status, 200)
    assert.deepEqual(await guesses(thief, email, perSource), Array(perSource).fill(401))
    assert.deepEqual(
      await guesses(from(app, '203.0.120.2'), email, 1),
      [401],
      'its network has not used its budget yet',
    )
    assert.deepEqual(await guesses(thief, email, perSource - 1), Array(perSource - 1).fill(401))
    assert.equal((await guess(thief, email, password)).status, 429)
    assert.equal((await guess(app.client(), email, password)).status, 200)
  })

  it("cannot use up the budget of the owner's other browsers if stolen", async () => {
    const { email } = await target(app)
    const owner = await signIn(app, email)
    const lost = from(app, '203.0.121.1')
    assert.equal((await guess(lost, email, password)).status, 200)
    await importAgain(app, email)
    for (let round = 0; round < 10; round += 1) {
      await guesses(lost, email, perSource)
      app.clock.advance(901)
    }
    assert.equal((await guess(owner, email, password)).status, 200)
    app.clock.advance(86_400)
    assert.equal((await guess(owner, email, password)).status, 200)
  })

  it('may be a native client with a device token', async () => {
    const { email } = await target(app)
    const native = { email, password, token_delivery: 'body' }
    const first = await from(app, '203.0.122.1').post('/v1/auth/login', native)
    assert.equal(first.headers['set-cookie'], undefined)
    const { device_token: token } = first.body
    await guesses(from(app, '203.0.122.2'), email, perSource)
    assert.equal((await from(app, '203.0.122.3').post('/v1/auth/login', native)).status, 429)
    const again = await from(app, '203.0.122.3').post('/v1/auth/login', { ...native, device_token: token })
    assert.equal(again.status, 200)
    assert.equal(again.body.device_token, undefined, 'its token is still valid')
  })

  it('resets the failures of live sessions when it signs in', async () => {
    const { email, client } = await target(app)
    for (let round = 0; round < 10; round += 1) {
      for (let index = 0; index < perSource; index += 1) {
        await client.post('/v1/auth/reauthenticate', { password: wrong })
      }
      app.clock.advance(901)
      await client.post('/v1/auth/refresh')
    }
    assert.equal((await client.post('/v1/auth/reauthenticate', { password })).status, 429)
    const fresh = await signIn(app, email)
    assert.equal((await fresh.post('/v1/auth/reauthenticate', { password })).status, 200)
  })

  it('is recognized for its own account only, by a genuine cookie', async () => {
    const { email } = await target(app)
    const other = await signUp(app)
    const real = other.client.cookie('device') as string
    const own = (await signIn(app, email)).cookie('device') as string
    const flipped = own.endsWith('A') ? `${own.slice(0, -1)}B` : `${own.slice(0, -1)}A`
    const forgeries = [real, flipped, `2${own.slice(1)}`, own.replaceAll('.', ''), 'x', '1..', `1.${'A'.repeat(43)}.`]
    await guesses(app.client(), email, perSource)
    for (const value of forgeries) {
      const answer = await guess(app.client({ cookie: `identsphere_device=${value}` }), email, password)
      assert.equal(answer.status, 429, value)
    }
    const answer = await guess(app.client({ cookie: `identsphere_device=${own}` }), email, password)
    assert.equal(answer.status, 200)
  })

  it('gets the cookie once, for the auth path', async () => {
    const { client, email } = await signUp(app)
    const stored = client.cookies.get('identsphere_device')
    assert.match(stored?.attributes ?? '', /HttpOnly/)
    assert.equal(stored?.path, `${app.mount}/v1/auth`)
    const again = await client.post('/v1/auth/login', { email, password })
    assert.ok(!again.headers['set-cookie']?.some((line) => line.startsWith('identsphere_device=')))
    assert.equal(client.cookie('device'), stored?.value)
  })
})

describe('an app without a proxy', () => {
  /** @see https://github.com/better-auth/better-auth/issues/10203, https://github.com/teamhanko/hanko/issues/2739 */
  it('counts the address of the connection regardless of headers', async () => {
    const app = await startApp()
    try {
      const { email } = await signUp(app)
      for (let index = 0; index < perSource; index += 1) {
        const address = `203.0.${index}.1`
        const spoofed = app.client({
          'x-forwarded-for': address,
          'x-real-ip': address,
          'x-client-ip': address,
          'cf-connecting-ip': address,
          'true-client-ip': address,
          forwarded: `for=${address}`,
        })
        assert.equal((await guess(spoofed, email)).status, 401)
      }
      assert.equal((await guess(from(app, '203.0.200.1'), email)).status, 429)
      const [session] = await app.sql('SELECT ip_address FROM identsphere.user_sessions LIMIT 1')
      assert.match(session.ip_address, /^(127\.0\.0\.1|::1|::ffff:127\.0\.0\.1)$/)
    } finally {
      await app.close()
    }
  })

  it('reads the chain from the right, past the hops that the host trusts', { skip: needs('trust proxy') }, async () => {
    const app = await startApp({ before: (host) => void host.set('trust proxy', 1) })
    try {
      const { email } = await target(app)
      for (let index = 0; index < perSource; index += 1) {
        assert.equal((await guess(from(app, `203.0.${index}.1, 198.51.100.7`), email)).status, 401)
      }
      assert.equal((await guess(from(app, '203.0.200.1, 198.51.100.8'), email)).status, 429)
      assert.equal((await guess(from(app, '203.0.0.1, 198.51.101.7'), email)).status, 401)
    } finally {
      await app.close()
    }
  })
})
