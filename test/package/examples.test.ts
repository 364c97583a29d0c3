/** The examples of the README and the guides, in hosts that have installed the package. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import jsonwebtoken from 'jsonwebtoken'
import { Client } from '../support/client.js'
import { freePort } from '../support/ports.js'
import { createEmptyDatabase, type TestDatabase } from '../support/postgres.js'
import { codeUnder } from './markdown.js'
import { type Host, installPacked } from './packed.js'

const root = join(import.meta.dirname, '../..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')

let host: Host
before(async () => {
  host = await installPacked()
})
after(() => host?.remove())

describe('the examples of the documentation', () => {
  let database: TestDatabase
  let application: ChildProcess | undefined
  before(async () => {
    database = await createEmptyDatabase()
  })
  afterEach(async () => {
    if (application?.exitCode === null && application.kill()) await once(application, 'exit')
  })
  after(() => database.drop())

  for (const { version, express, types } of [
    { version: 5, express: 'express', types: '@types/express' },
    { version: 4, express: 'express4', types: 'types-express4' },
  ]) {
    it(`compile and run in a host with Express ${version}`, async () => {
      host.link(express, 'express')
      host.link(types, '@types/express')
      host.write('app.mts', codeUnder(readme, 'In your application', 'ts'))
      await host.compile('app.mts', { outDir: '.' })
      const url = await run('app.mjs')
      host.write('version.cjs', "console.log(require('express/package.json').version)")
      assert.equal((await host.node(['version.cjs'])).stdout.charAt(0), String(version))

      const { client, organizationId } = await register(url, `owner-${version}@example.com`)
      const reports = await client.get('/reports')
      assert.equal(reports.status, 200)
      assert.deepEqual(reports.body, { organization: organizationId })
      assert.equal((await new Client(url).get('/reports')).status, 401)
    })
  }

  it('work beside express-oauth2-jwt-bearer, which keeps its req.auth', async () => {
    host.link('express')
    host.link('@types/express')
    host.link('express-oauth2-jwt-bearer')
    const secret = 'a secret of somebody else, 32 bytes or more'
    const theirs = { issuer: 'https://issuer.example.com/', audience: 'https://api.example.com' }
    const listen = 'app.listen('
    const example = codeUnder(readme, 'In your application', 'ts')
    const options = JSON.stringify({ ...theirs, secret, tokenSigningAlg: 'HS256' })
    host.write(
      'beside.mts',
      `import { auth } from 'express-oauth2-jwt-bearer'
       ${example.slice(0, example.lastIndexOf(listen))}
       app.get('/ours', identsphere.requireAuth(), (req, res) => {
         res.json({ theirs: req.auth?.payload.sub ?? null, ours: identsphere.auth(req).userId })
       })
       app.get('/theirs', auth(${options}), (req, res) => {
         const subject: string | undefined = req.auth?.payload.sub
         res.json({ theirs: subject, ours: req.identsphere?.userId ?? null })
       })
       ${example.slice(example.lastIndexOf(listen))}`,
    )
    await host.compile('beside.mts', { outDir: '.' })
    const url = await run('beside.mjs')

    const { client, userId } = await register(url, 'beside@example.com')
    assert.deepEqual((await client.get('/ours')).body, { theirs: null, ours: userId })
    assert.equal((await client.get('/theirs')).status, 401)
    const token = jsonwebtoken.sign({}, secret, { ...theirs, subject: 'their-user', expiresIn: 60 })
    const headers = { authorization: `Bearer ${token}` }
    const answer = await fetch(`${url}/theirs`, { headers })
    assert.deepEqual(await answer.json(), { theirs: 'their-user', ours: null })
    assert.equal((await fetch(`${url}/ours`, { headers })).status, 401)
  })

  async function run(file: string): Promise<string> {
    const port = await freePort()
    const url = `http://localhost:${port}`
    const environment = {
      PATH: process.env.PATH,
      NODE_ENV: 'development',
      PORT: String(port),
      DATABASE_URL: database.url,
    }
    application = spawn(process.execPath, [file], { cwd: host.folder, env: environment, stdio: 'inherit' })
    await listening(url)
    return url
  }

  async function register(
    url: string,
    email: string,
  ): Promise<{ client: Client; userId: string; organizationId: string }> {
    const client = new Client(url)
    const registered = await client.post('/v1/auth/register', {
      email,
      password: 'correct-horse-battery-7',
      organization_name: email.split('@')[0],
    })
    assert.equal(registered.status, 201, registered.text)
    return { client, userId: registered.body.user.user_id, organizationId: registered.body.user.organization_id }
  }

  it('compile for other services with the types of Express', async () => {
    const guide = readFileSync(join(root, 'docs/resource-servers.md'), 'utf8')
    host.write('service.mts', codeUnder(guide, 'Other services', 'ts'))
    await host.compile('service.mts')
  })

  async function listening(url: string): Promise<void> {
    const deadline = Date.now() + 30_000
    while (Date.now() < deadline && application?.exitCode === null) {
      if (
        await fetch(`${url}/v1/health`).then(
          (answer) => answer.ok,
          () => false,
        )
      )
        return
      await setTimeout(50)
    }
    throw new Error('the application did not start')
  }
})
