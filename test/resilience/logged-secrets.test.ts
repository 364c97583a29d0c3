import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Express } from 'express'
import knexLibrary, { type Knex } from 'knex'
import { password, signUp, startApp, type TestApp } from '../support/app.js'
import type { Answer, Client } from '../support/client.js'
import { bearer } from '../support/native-client.js'

const wrongPassword = 'wrong-horse-battery-7'
const newPassword = 'another-horse-battery-8'

let app: TestApp
let hostKnex: Knex

before(async () => {
  app = await startApp({ routes: addRoutes })
  hostKnex = knexLibrary({ client: 'pg', connection: app.databaseUrl, pool: { min: 0, max: 4 } })
})

after(async () => {
  await app?.close()
  await hostKnex?.destroy()
})

function addRoutes(express: Express, identsphere: TestApp['identsphere']): void {
  express.all('/guarded', identsphere.requireAuth(), (_request, response) => void response.json({}))
}

/** Kinds of values that a run must have looked for. */
const sources = [
  'IDENTSPHERE_JWT_SECRET',
  'access_token',
  'cookie identsphere_at',
  'cookie identsphere_csrf',
  'cookie identsphere_device',
  'cookie identsphere_rt',
  'e-mail address',
  'password',
  'password hash',
  'refresh token hash',
  'refresh token salt',
  'refresh_token',
]

/** Values that must never be logged, with their sources. */
class Secrets {
  readonly found = new Map<string, string>()

  add(name: string, value: unknown): void {
    if (Buffer.isBuffer(value)) {
      for (const encoding of ['hex', 'base64', 'base64url'] as const) this.add(name, value.toString(encoding))
    } else if (typeof value === 'string' && value.length >= 8) {
      this.found.set(value, name)
    }
  }

  addAnswer(answer: Answer): Answer {
    for (const name of ['access_token', 'refresh_token', 'csrf_token']) this.add(name, answer.body?.[name])
    return answer
  }

  addCookies(client: Client): void {
    for (const [name, { value }] of client.cookies) this.add(`cookie ${name}`, value)
  }
}

async function act(node: TestApp, secrets: Secrets, email: string): Promise<Client> {
  const { client } = await signUp(node, { email })
  secrets.addCookies(client)
  const native = secrets.addAnswer(
    await node.client().post('/v1/auth/login', { email, password, token_delivery: 'body' }),
  )
  assert.equal(native.status, 200)
  const { access_token, refresh_token } = native.body
  await node.client().get('/guarded', bearer(access_token))
  await node.client().get('/guarded', bearer(`${access_token.slice(0, -4)}AAAA`))
  secrets.addAnswer(await node.client().post('/v1/auth/refresh', { refresh_token }))
  await client.post('/guarded', {}, { csrf: false })
  await client.post('/v1/auth/login', { email, password: wrongPassword })
  await client.post('/v1/auth/login', { email, password, surprise: password })
  await client.post('/v1/auth/login', undefined, { raw: `{"email":"${email}","password":"${password}"` })
  await client.post('/v1/auth/register', { email, password, organization_name: 'Again' })
  await client.post('/v1/users/me/password', { current_password: wrongPassword, new_password: newPassword })
  await client.post('/v1/auth/refresh')
  secrets.addCookies(client)
  return client
}

/** Adds the stored forms of secrets, which are secret too. */
async function addStored(secrets: Secrets): Promise<void> {
  for (const { password_hash } of await app.sql('SELECT password_hash FROM identsphere.users')) {
    secrets.add('password hash', password_hash)
  }
  for (const row of await app.sql('SELECT token_hash, successor_salt FROM identsphere.refresh_tokens')) {
    secrets.add('refresh token hash', row.token_hash)
    secrets.add('refresh token salt', row.successor_salt)
  }
}

for (const [name, startNode] of Object.entries({
  'connections of its own': () => app.node(),
  'a Knex instance of the host': () => app.node({ database: hostKnex }),
})) {
  test(`logs no password, token, cookie or secret at any failure, with ${name}`, async () => {
    const node = await startNode()
    const secrets = new Secrets()
    for (const value of [password, wrongPassword, newPassword]) secrets.add('password', value)
    secrets.add('IDENTSPHERE_JWT_SECRET', app.environment.IDENTSPHERE_JWT_SECRET)
    const email = `${name.replaceAll(/\W/g, '')}@example.com`
    secrets.add('e-mail address', email)
    secrets.add('e-mail address', `new-${email}`)

    const client = await act(node, secrets, email)
    await addStored(secrets)
    const failures = await failEverything(node, secrets, email, client)
    await addStored(secrets)
    assert.ok(
      failures.some((status) => status === 500) && failures.some((status) => status === 503),
      `the failures were ${failures}`,
    )

    const { lines } = node.log
    assert.ok(lines.filter((line) => line.startsWith('error')).length >= failures.length, 'failures were logged')
    assert.match(lines.join('\n'), /broken_users/)
    // A renamed field or cookie must not drop out of the search unnoticed.
    assert.deepEqual([...new Set(secrets.found.values())].sort(), sources)
    for (const [secret, source] of secrets.found) {
      const line = lines.find((one) => one.includes(secret))
      assert.equal(line, undefined, `a ${source} was logged`)
    }
  })
}

/** Runs statements that fail with the row in the error's detail or with a missing table. Returns the statuses. */
async function failEverything(node: TestApp, secrets: Secrets, email: string, client: Client): Promise<number[]> {
  const login = { email, password, token_delivery: 'body' }
  const native = secrets.addAnswer(await node.client().post('/v1/auth/login', login))
  const answers: Answer[] = []
  const attempt = async () => {
    const registration = { email: `new-${email}`, password, organization_name: 'Example Works' }
    answers.push(await node.client().post('/v1/auth/register', registration))
    answers.push(await node.client().post('/v1/auth/login', login))
    answers.push(await node.client().post('/v1/auth/refresh', { refresh_token: native.body.refresh_token }))
    answers.push(await client.post('/v1/users/me/password', { current_password: password, new_password: newPassword }))
  }
  const tables = ['users', 'user_sessions', 'refresh_tokens'] as const
  for (const table of tables) {
    await app.sql(`ALTER TABLE identsphere.${table} ADD CONSTRAINT broken_${table} CHECK (false) NOT VALID`)
  }
  await attempt()
  for (const table of tables) await app.sql(`ALTER TABLE identsphere.${table} DROP CONSTRAINT broken_${table}`)
  await app.sql('ALTER TABLE identsphere.refresh_tokens RENAME TO hidden')
  await attempt()
  await app.sql('ALTER TABLE identsphere.hidden RENAME TO refresh_tokens')
  return answers.map(({ status }) => status).filter((status) => status >= 500)
}
