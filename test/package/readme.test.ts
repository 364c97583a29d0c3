/** Compares the README's tables with the code: everything in the code has a row, and every row is in the code. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { coreOptions } from '../../lib/core/config/options.js'
import { errorCatalogue } from '../../lib/core/errors.js'
import { createCookieJar } from '../../lib/core/http/cookies.js'
import { createRoleMatrix, roles } from '../../lib/features/organizations/roles.js'
import { features } from '../../lib/features.js'
import { buildIdentSphere } from '../../lib/identsphere.js'
import { createResourceServer } from '../../lib/resource/index.js'
import { guardsThatNeedTheDatabase } from '../../lib/resource/needs-database.js'
import { resourceOptionsSchema } from '../../lib/resource/options.js'
import { testClock } from '../support/clock.js'
import { columnsOf, tableUnder } from './markdown.js'

const root = join(import.meta.dirname, '../..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const environment = { NODE_ENV: 'test', IDENTSPHERE_JWT_SECRET: 'an-example-secret-of-enough-length' }
const identsphere = buildIdentSphere({ database: 'postgres://127.0.0.1:1/unused' }, { environment, clock: testClock() })

/** Cookies of all features. */
const cookies = Object.assign({}, ...features.map((feature) => feature.cookies))

const rowsUnder = (heading: string) => columnsOf(tableUnder(readme, heading))
/** The text of the first `code` in a cell. */
const code = (cell = '') => /`([^`]+)`/.exec(cell)?.[1] ?? cell
/** The texts of all `code` in a cell. */
const codes = (cell = '') => [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text as string)

describe('the options', () => {
  const rows = rowsUnder('Options')

  it('name exactly the environment variables that the code reads', () => {
    const pattern = /\b(IDENTSPHERE_[A-Z_]+|DATABASE_URL|SMTP_URL|NODE_ENV|PORT)\b/g
    const sources = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .map((path) => readFileSync(join(root, 'lib', path), 'utf8'))
    const variables = (text: string) => [...text.matchAll(pattern)].map(([, name]) => name as string)
    const read = new Set(sources.flatMap(variables))
    assert.deepEqual([...new Set(rows.flatMap((cells) => variables(cells.join(' '))))].sort(), [...read].sort())
    assert.deepEqual([...new Set(variables(readme))].sort(), [...read].sort())
  })
})

describe('the endpoints', () => {
  it('are the rows of the table', () => {
    const declared = identsphere.routes.map(({ method, path }) => `${method} ${path}`)
    assert.deepEqual(
      rowsUnder('Endpoints')
        .map(([name]) => code(name))
        .sort(),
      declared.sort(),
    )
  })

  it('are listed with their need for a session', () => {
    for (const [name, needs] of rowsUnder('Endpoints')) {
      const declared = identsphere.routes.find(({ method, path }) => `${method} ${path}` === code(name))
      assert.equal(needs === 'session', declared?.auth === 'session', code(name))
    }
  })

  it('list each error code with its status', () => {
    const rows = rowsUnder('Errors').map(([name, status]) => [code(name), Number(status)])
    assert.deepEqual(
      rows,
      Object.entries(errorCatalogue).map(([name, { status }]) => [name, status]),
    )
  })

  it('name no unknown error code', () => {
    const denials = rowsUnder('Guards').flatMap(([, , denial]) => codes(denial))
    assert.deepEqual(
      denials.filter((name) => !(name in errorCatalogue)),
      [],
    )
  })
})

describe('the guards, cookies, hooks and roles', () => {
  it('list exactly the guards', () => {
    const guards = Object.keys(identsphere).filter((name) => /^(require|optional)[A-Z]/.test(name))
    assert.deepEqual(
      rowsUnder('Guards')
        .map(([name]) => code(name).replace(/\(.*/, ''))
        .sort(),
      guards.sort(),
    )
  })

  it('name every other member of an instance', () => {
    const others = Object.keys(identsphere).filter(
      (name) =>
        !/^(require|optional)[A-Z]/.test(name) &&
        !['routes', 'store', 'worker', 'mailbox', 'assembly', 'serviceOf'].includes(name),
    )
    const unnamed = others.filter((name) => !readme.includes(`identsphere.${name}`) && !readme.includes(`\`${name}(`))
    assert.deepEqual(unnamed, [])
  })

  it('name each feature that can be mounted alone', () => {
    for (const name of Object.keys(identsphere.routers)) assert.ok(readme.includes(`\`${name}\``), name)
  })

  it('list the attributes of each cookie', () => {
    const jar = createCookieJar({ mountPath: '', secure: true, prefix: false, attributes: cookies })
    for (const [name = '', , httpOnly, path] of rowsUnder('Cookies')) {
      const wire = code(name)
      const line = jar.serialize({ name: wire.replace('identsphere_', ''), value: 'x', maxAgeSeconds: 1 })
      const attributes = line.split('; ')
      assert.equal(attributes[0], `${wire}=x`)
      assert.equal(attributes.includes('HttpOnly'), httpOnly === 'yes', wire)
      assert.ok(attributes.includes(`Path=${code(path)}`), wire)
      assert.ok(attributes.includes('Secure') && attributes.includes('SameSite=Lax'), wire)
      assert.ok(!/domain/i.test(line), wire)
    }
  })

  it('list each cookie', () => {
    assert.deepEqual(
      rowsUnder('Cookies')
        .map(([name]) => code(name))
        .sort(),
      Object.keys(cookies)
        .map((name) => `identsphere_${name}`)
        .sort(),
    )
  })

  it('list exactly the hooks', () => {
    const fields = [coreOptions, ...features.flatMap(({ options = [] }) => options)].map(
      (definition) => definition.fields,
    )
    const hooks = fields.flatMap(Object.keys).filter((path) => path.startsWith('hooks.'))
    assert.deepEqual(
      rowsUnder('Hooks')
        .map(([name]) => code(name).replace(/\(.*/, ''))
        .sort(),
      hooks.map((path) => path.replace('hooks.', '')).sort(),
    )
  })

  it('list the permissions of each role', () => {
    const { permissionsOf } = createRoleMatrix(null)
    const rows = rowsUnder('Permissions')
    for (const [role, permissions] of rows) {
      assert.deepEqual(codes(permissions).sort(), [...permissionsOf(code(role))].sort(), role)
    }
    assert.deepEqual(['owner', ...rows.map(([role]) => code(role))].sort(), [...roles].sort())
  })
})

describe('the dependencies', () => {
  it('are listed exactly, each with a reason', () => {
    const rows = rowsUnder('Dependencies')
    const packages = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies)]
    assert.deepEqual(rows.map(([name]) => code(name)).sort(), packages.sort())
    for (const [name, reason = ''] of rows) assert.ok(reason.length > 10, name)
  })

  it('are optional peers in package.json too if listed as such', () => {
    const optional = rowsUnder('Dependencies').filter(([name]) => name?.includes('optional peer'))
    assert.deepEqual(
      optional.map(([name]) => code(name)),
      Object.keys(manifest.peerDependencies),
    )
    for (const [name] of optional) assert.equal(manifest.peerDependenciesMeta[code(name)].optional, true)
  })
})

describe('the guide for other services', () => {
  const guide = readFileSync(join(root, 'docs/resource-servers.md'), 'utf8')
  const rows = (heading: string) => columnsOf(tableUnder(guide, heading))
  const server = createResourceServer({ issuer: 'https://app.example.com' })

  it('lists exactly the options', () => {
    assert.deepEqual(
      rows('Options')
        .map(([option]) => code(option))
        .sort(),
      Object.keys(resourceOptionsSchema.shape).sort(),
    )
  })

  it('lists each guard and names those that need the database', () => {
    const listed = rows('Guards').map(([name]) => code(name).replace(/\(.*/, ''))
    const guards = Object.keys(server).filter((name) => /^(require|optional)[A-Z]/.test(name))
    const missing = guards.filter((name) => !listed.includes(name))
    assert.deepEqual(
      listed.filter((name) => !guards.includes(name)),
      [],
    )
    assert.deepEqual(missing.sort(), Object.keys(guardsThatNeedTheDatabase()).sort())
    for (const name of missing) assert.ok(guide.includes(`\`${name}\``), name)
  })

  it('names no unknown error code', () => {
    const denials = rows('Guards').flatMap(([, , denial]) => codes(denial))
    assert.deepEqual(
      denials.filter((name) => !(name in errorCatalogue)),
      [],
    )
  })
})

describe('the text', () => {
  const guides = readdirSync(join(root, 'docs')).map((file) => `docs/${file}`)
  const documents = ['README.md', 'SECURITY.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...guides]

  it('has no broken links', () => {
    const slug = (heading: string) =>
      `#${heading
        .toLowerCase()
        .replace(/[^\w -]/g, '')
        .replaceAll(' ', '-')}`
    const anchorsOf = (text: string) => [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => slug(heading ?? ''))
    const textOf = (path: string) => readFileSync(join(root, path), 'utf8').replace(/^ *```.*?^ *```$/gms, '')
    const broken = documents.flatMap((path) =>
      [...textOf(path).matchAll(/\]\(([^)]+)\)/g)]
        .map(([, target]) => target as string)
        .filter((target) => !target.startsWith('https://'))
        .filter((target) => {
          const [file = '', anchor] = target.split('#')
          const named = file === '' ? path : join(path, '..', file)
          if (!existsSync(join(root, named))) return true
          return anchor !== undefined && !anchorsOf(textOf(named)).includes(`#${anchor}`)
        })
        .map((target) => `${path}: ${target}`),
    )
    assert.deepEqual(broken, [])
  })

  it('names only commands that are scripts of package.json', () => {
    const named = documents.flatMap((path) =>
      [
        ...readFileSync(join(root, path), 'utf8').matchAll(
          /\bnpm (?:run )?(start|test|build|check|lint|types|format|bench)\b/g,
        ),
      ].map(([, script]) => script as string),
    )
    assert.deepEqual(
      [...new Set(named)].filter((script) => !(script in manifest.scripts)),
      [],
    )
  })

  it("has a license and change log of the package's version", () => {
    assert.ok(readFileSync(join(root, 'LICENSE'), 'utf8').includes(`IdentSphere ${manifest.version}\n`))
    assert.ok(readFileSync(join(root, 'CHANGELOG.md'), 'utf8').includes(`## [${manifest.version}]`))
  })
})
