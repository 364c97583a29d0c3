/** The layering of `docs/architecture.md`, checked against what the files in `lib/` import. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, it } from 'node:test'
import { buildIdentSphere } from '../../lib/identsphere.js'
import { testClock } from '../support/clock.js'
import { columnsOf, tableUnder } from './markdown.js'

const root = join(import.meta.dirname, '../..')
const document = readFileSync(join(root, 'docs/architecture.md'), 'utf8')

interface Import {
  /** Importing file, from the root: `lib/sessions/check.ts`. */
  from: string
  /** Imported file from the root, or a package's name. */
  to: string
  typeOnly: boolean
}

function importsOf(from: string): Import[] {
  const source = readFileSync(join(root, from), 'utf8').replace(/^\s*(\/\/|\*|\/\*).*$/gm, '')
  const statements = source.matchAll(
    /(?:^|\n)\s*(?:import|export)\s+(type\s)?([^'";]*?)\s*(?:from\s+)?'([^']+)'|import\(\s*'([^']+)'\s*\)/g,
  )
  return [...statements].map(([, typeKeyword, clause, specifier, dynamic]) => {
    const to = (specifier ?? dynamic) as string
    const names = /^\{([^}]*)\}$/s
      .exec(clause ?? '')?.[1]
      ?.split(',')
      .filter((name) => name.trim() !== '')
    return {
      from,
      to: to.startsWith('.') ? normalize(join(dirname(from), to)).replace(/\.js$/, '.ts') : to,
      typeOnly: typeKeyword !== undefined || (names?.every((name) => name.trim().startsWith('type ')) ?? false),
    }
  })
}

const files = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => join('lib', path))
const imports = files.flatMap(importsOf)

/** `sessions` for `lib/sessions/check.ts`, null for files at the top of `lib/`. */
function folderOf(path: string): string | null {
  return /^lib\/([^/]+)\//.exec(path)?.[1] ?? null
}

const folders = [...new Set(files.map(folderOf).filter((folder) => folder !== null))].sort()
const text = ({ from, to }: Import) => `${from} imports ${to}`

/** `crypto, config` → `['crypto', 'config']`; `—` → none. */
function names(cell: string): string[] {
  return cell === '—' ? [] : cell.split(',').map((name) => name.trim().replaceAll('`', ''))
}

const layers = columnsOf(tableUnder(document, 'Who may know whom'))
const rooms = columnsOf(tableUnder(document, 'Rooms'))

describe('the layers', () => {
  it('are listed for every folder of lib/, and for no other', () => {
    assert.deepEqual(layers.map(([folder]) => names(folder ?? '')[0]).sort(), folders)
  })

  for (const [folder = '', allowedCell = '', typesCell = ''] of layers) {
    const [name = ''] = names(folder)
    const allowed = names(allowedCell)
    const types = names(typesCell)

    it(`${name} imports what the table allows it, and nothing else`, () => {
      const outward = imports.filter(({ from, to }) => {
        const target = folderOf(to)
        return folderOf(from) === name && target !== null && target !== name
      })
      const refused = outward.filter(({ to, typeOnly }) => {
        const target = folderOf(to) as string
        return !allowed.includes(target) && !(typeOnly && types.includes(target))
      })
      assert.deepEqual(refused.map(text), [])
    })

    it(`${name} is allowed nothing that it does not import`, () => {
      const used = imports.filter(({ from }) => folderOf(from) === name)
      const valuesTo = new Set(used.filter(({ typeOnly }) => !typeOnly).map(({ to }) => folderOf(to)))
      const anyTo = new Set(used.map(({ to }) => folderOf(to)))
      assert.deepEqual(
        [...allowed.filter((target) => !valuesTo.has(target)), ...types.filter((target) => !anyTo.has(target))],
        [],
      )
    })
  }

  it('crypto, config, http, store, jobs, mail and journal know no room', () => {
    const base = ['crypto', 'config', 'http', 'store', 'jobs', 'mail', 'journal']
    const refused = imports.filter(({ from, to }) => {
      const target = folderOf(to)
      return base.includes(folderOf(from) ?? '') && target !== null && !base.includes(target)
    })
    assert.deepEqual(refused.map(text), [])
  })

  it('nobody below imports lib/identsphere.ts, lib/instance.ts or lib/index.ts, but for lib/testing/ and lib/cli/', () => {
    const refused = imports.filter(
      ({ from, to }) =>
        ['lib/identsphere.ts', 'lib/instance.ts', 'lib/index.ts'].includes(to) &&
        from !== 'lib/index.ts' &&
        !(from === 'lib/identsphere.ts' && to === 'lib/instance.ts') &&
        !['testing', 'cli'].includes(folderOf(from) ?? ''),
    )
    assert.deepEqual(refused.map(text), [])
  })

  it('nobody imports lib/testing/: it signs anybody in, and has an entrance of its own', () => {
    const refused = imports.filter(({ from, to }) => folderOf(to) === 'testing' && folderOf(from) !== 'testing')
    assert.deepEqual(refused.map(text), [])
  })
})

describe('the rooms', () => {
  it("a room's repository is imported only inside the room", () => {
    const refused = imports.filter(({ from, to }) => to.endsWith('/repository.ts') && folderOf(from) !== folderOf(to))
    assert.deepEqual(refused.map(text), [])
  })

  it('only lib/identsphere.ts brings the routes of the rooms together', () => {
    const refused = imports.filter(({ from, to }) => to.endsWith('/routes.ts') && from !== 'lib/identsphere.ts')
    assert.deepEqual(refused.map(text), [])
  })

  it('the table lists every route', () => {
    const identsphere = buildIdentSphere(
      { database: 'postgres://127.0.0.1:1/unused' },
      {
        environment: { NODE_ENV: 'test', IDENTSPHERE_JWT_SECRET: 'an-example-secret-of-enough-length' },
        clock: testClock(),
      },
    )
    const declared = identsphere.routes.map((route) => `${route.method} ${route.path}`)
    const listed = rooms.flatMap(([, routes = '']) => names(routes))
    assert.deepEqual([...listed].sort(), [...declared].sort())
  })

  it("the table lists each room's routes in that room", () => {
    for (const [room = '', routes = ''] of rooms) {
      const [name = ''] = names(room)
      const source = files
        .filter((path) => path === `lib/${name}/routes.ts`)
        .map((path) => readFileSync(join(root, path), 'utf8'))
        .join('')
      const declared = [...source.matchAll(/method: '(\w+)',\s+path: '([^']+)'/g)].map(
        ([, method, path]) => `${method} ${path}`,
      )
      assert.deepEqual(names(routes).sort(), declared.sort(), name)
    }
  })

  it('the table lists every table that the migrations create, once', () => {
    const folder = join(root, 'migrations')
    const created = readdirSync(folder).flatMap((file) =>
      [...readFileSync(join(folder, file), 'utf8').matchAll(/CREATE TABLE \$\{\w+\}\.(\w+)/g)].map(
        ([, table]) => table,
      ),
    )
    const listed = rooms.flatMap(([, , tables = '']) => names(tables))
    assert.deepEqual(listed.sort(), created.sort())
  })
})

describe('primitives', () => {
  it('no other file than those of lib/crypto uses node:crypto', () => {
    /** Each with what it needs there: key parsing, and names of files on this machine. */
    const exceptions = new Set([
      'lib/config/signing-keys.ts',
      'lib/embedded-postgres/lock.ts',
      'lib/embedded-postgres/staging.ts',
      'lib/embedded-postgres/users.ts',
    ])
    const users = imports.filter(({ to, typeOnly }) => /^(node:)?crypto$/.test(to) && !typeOnly)
    const refused = users.filter(({ from }) => folderOf(from) !== 'crypto' && !exceptions.has(from))
    assert.deepEqual(refused.map(text), [])
    const needless = [...exceptions].filter((file) => !users.some(({ from }) => from === file))
    assert.deepEqual(needless, [], 'exceptions that nothing needs')
  })

  it('Express is known to lib/http alone', () => {
    const refused = imports.filter(
      ({ from, to }) => /^(express|cookie-parser|express-serve-static-core)$/.test(to) && folderOf(from) !== 'http',
    )
    assert.deepEqual(refused.map(text), [])
  })

  it('services, repositories and guards do not touch a response', () => {
    const touching = files.filter(
      (path) =>
        /\/(service|repository)\.ts$/.test(path) &&
        /ServerResponse|IncomingMessage/.test(readFileSync(join(root, path), 'utf8')),
    )
    assert.deepEqual(touching, [])
  })

  it('each native or protocol library has one home', () => {
    const homes: Record<string, RegExp> = {
      argon2: /^lib\/passwords\/schemes\//,
      bcrypt: /^lib\/passwords\/schemes\//,
      jsonwebtoken: /^lib\/tokens\//,
      'jwks-rsa': /^lib\/resource\//,
      pg: /^lib\/store\//,
      qrcode: /^lib\/mfa\//,
      speakeasy: /^lib\/mfa\//,
      '@zxcvbn-ts/language-common': /^lib\/passwords\/rules\//,
    }
    const refused = imports.filter(({ from, to }) => {
      const home = homes[Object.keys(homes).find((name) => to === name || to.startsWith(`${name}/`)) ?? '']
      return home !== undefined && !home.test(from)
    })
    assert.deepEqual(refused.map(text), [])
  })

  /** Circles of value imports, among files or among what `placeOf` says they are in. */
  function circlesAmong(placeOf: (file: string) => string | null): string[] {
    const next = new Map<string, Set<string>>()
    for (const { from, to } of imports.filter(({ typeOnly, to }) => !typeOnly && to.startsWith('lib/'))) {
      const [place, target] = [placeOf(from), placeOf(to)]
      if (place === null || target === null || place === target) continue
      next.set(place, (next.get(place) ?? new Set()).add(target))
    }
    const done = new Set<string>()
    const circles: string[] = []
    function visit(place: string, path: string[]): void {
      if (path.includes(place)) circles.push([...path.slice(path.indexOf(place)), place].join(' → '))
      if (done.has(place) || path.includes(place)) return
      for (const target of next.get(place) ?? []) visit(target, [...path, place])
      done.add(place)
    }
    for (const place of next.keys()) visit(place, [])
    return circles
  }

  it('files of lib/ import each other in no circle, types apart', () => {
    assert.deepEqual(
      circlesAmong((file) => file),
      [],
    )
  })

  it('nor do folders', () => {
    assert.deepEqual(circlesAmong(folderOf), [])
  })
})
