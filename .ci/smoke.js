/** Starts the quickstart as a newcomer would, signs up and in, stops it, and looks for what it left behind. */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'

const root = join(import.meta.dirname, '..')
const deadline = Date.now() + 120_000

// In a copy: a developer's own .identsphere stays as it is.
const folder = mkdtempSync(join(tmpdir(), 'identsphere-smoke-'))
for (const name of ['package.json', 'tsconfig.json', 'lib', 'migrations', 'examples']) {
  cpSync(join(root, name), join(folder, name), { recursive: true })
}
symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))

const port = await freePort()
const url = `http://localhost:${port}`
const { DATABASE_URL: _, NODE_ENV: __, ...environment } = process.env
const application = spawn('npm', ['start'], {
  cwd: folder,
  env: { ...environment, PORT: String(port) },
  stdio: ['ignore', 'inherit', 'inherit'],
  detached: true, // a group of its own, as in a terminal: Ctrl-C reaches all of it
})
const ended = once(application, 'exit')

try {
  await started()
  const password = 'correct-horse-battery-7'
  const email = 'first@example.com'

  assert.equal((await fetch(`${url}/api/me`)).status, 401)
  const registered = await post('/v1/auth/register', { email, password, organization_name: 'Example Works' })
  assert.equal(registered.status, 201, await registered.text())
  console.log('registered:', registered.status)

  const wrong = await post('/v1/auth/login', { email, password: `${password}?` })
  assert.equal(wrong.status, 401)
  const signedIn = await post('/v1/auth/login', { email, password })
  assert.equal(signedIn.status, 200, await signedIn.text())
  console.log('signed in:', signedIn.status)

  const cookie = signedIn.headers
    .getSetCookie()
    .map((line) => line.split(';', 1)[0])
    .join('; ')
  const me = await fetch(`${url}/api/me`, { headers: { cookie } })
  assert.equal(me.status, 200)
  assert.equal((await me.json()).email, email)
  console.log('guarded route:', me.status)

  // The package has this file. From source there is none, and it is bundled when it is first asked for.
  const browserClient = await fetch(`${url}/v1/client.js`)
  assert.equal(browserClient.status, 200)
  assert.match(await browserClient.text(), /createClient/)
  console.log('browser client from source:', browserClient.status)
} finally {
  if (application.exitCode === null && application.signalCode === null) process.kill(-application.pid, 'SIGINT')
  await ended
}

const left = processesOf(folder)
if (existsSync(join(folder, '.identsphere/postgres/data/postmaster.pid'))) left.push('a Postgres')
assert.deepEqual(readdirSync(folder).sort(), [
  '.identsphere',
  'examples',
  'lib',
  'migrations',
  'node_modules',
  'package.json',
  'tsconfig.json',
])
rmSync(folder, { recursive: true, force: true })
assert.deepEqual(left, [], 'still running')
console.log('stopped: nothing is left running')

function post(path, body) {
  return fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: url },
    body: JSON.stringify(body),
  })
}

async function started() {
  while (Date.now() < deadline && application.exitCode === null) {
    const up = await fetch(`${url}/v1/health`).then(
      (answer) => answer.ok,
      () => false,
    )
    if (up) return
    await setTimeout(100)
  }
  throw new Error('npm start did not answer on its port')
}

/** Command lines that name the folder; none where there is no ps. */
function processesOf(path) {
  try {
    return execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
      .split('\n')
      .filter((line) => line.includes(path))
  } catch {
    return []
  }
}

async function freePort() {
  const server = createServer().listen(0, 'localhost')
  await once(server, 'listening')
  const { port: free } = server.address()
  server.close()
  await once(server, 'close')
  return free
}
