/** The layering of `docs/architecture.md`, compared with the imports and the SQL of the files in `lib/`. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, it } from 'node:test'
import { features } from '../../lib/features.js'
import { root } from '../support/compiled.js'

interface Import {
  /** Importing file, from the root: `lib/features/sessions/check.ts`. */
  from: string
  /** Imported file from the root, or the name of a package. */
  to: string
  isType: boolean
}

const files = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => join('lib', path))
const sources = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]))
const imports = files.flatMap((file) => importsOf(file, sources.get(file) ?? ''))
const text = ({ from, to }: Import) => `${from} imports ${to}`

function importsOf(from: string, source: string): Import[] {
  const statements = source
    .replace(/^\s*(\/\/|\*|\/\*).*$/gm, '')
    .matchAll(/(?:^|\n)\s*(?:import|export)\s+(type\s)?([^'";]*?)\s*(?:from\s+)?'([^']+)'|import\(\s*'([^']+)'/g)
  return [...statements].map(([, keyword, clause, specifier, dynamic]) => {
    const to = (specifier ?? dynamic) as string
    const names = /^\{([^}]*)\}$/s
      .exec(clause ?? '')?.[1]
      ?.split(',')
      .filter((name) => name.trim() !== '')
    return {
      from,
      to: to.startsWith('.') ? normalize(join(dirname(from), to)).replace(/\.js$/, '.ts') : to,
      isType: keyword !== undefined || (names?.every((name) => name.trim().startsWith('type ')) ?? false),
    }
  })
}

/** `trustedBrowsers` → `trusted-browsers`. */
const folderOf = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
const order = features.map(({ name }) => folderOf(name))
/** The feature that a file belongs to, or null. */
const featureOf = (file: string) => /^lib\/features\/([^/]+)\//.exec(file)?.[1] ?? null
/** `core`, `features`, `client`, … or null for files at the top. */
const partOf = (file: string) => /^lib\/([^/]+)\//.exec(file)?.[1] ?? null

describe('the layers', () => {
  it('contain imports in every part, so that an empty list means none', () => {
    for (const part of ['core', 'features', 'client', 'resource', 'testing', 'cli', 'embedded-postgres']) {
      assert.ok(
        imports.some(({ from }) => partOf(from) === part),
        part,
      )
    }
    assert.ok(imports.length > 1000, String(imports.length))
  })

  it('list each folder of lib/features/ and no other', () => {
    const folders = readdirSync(join(root, 'lib/features'))
    assert.deepEqual([...order].sort(), folders.sort())
  })

  it('keep features and entry points out of core', () => {
    const refused = imports.filter(
      ({ from, to }) =>
        partOf(from) === 'core' && to.startsWith('lib/') && !['core', 'embedded-postgres'].includes(partOf(to) ?? ''),
    )
    assert.deepEqual(refused.map(text), [])
  })

  it('let a feature import core and earlier features only, types included', () => {
    const refused = imports.filter(({ from, to }) => {
      const [feature, target] = [featureOf(from), featureOf(to)]
      if (feature === null || !to.startsWith('lib/') || partOf(to) === 'core' || feature === target) return false
      return target === null || order.indexOf(target) > order.indexOf(feature)
    })
    const allowed = new Set(['lib/features/pages/bundle-client.ts imports lib/client/served.ts'])
    assert.deepEqual(
      refused.map(text).filter((line) => !allowed.has(line)),
      [],
    )
  })

  it('let only lib/features.ts and lib/identsphere.ts know several features', () => {
    const top = files.filter((file) => partOf(file) === null)
    assert.deepEqual(top.sort(), ['lib/features.ts', 'lib/identsphere.ts', 'lib/index.ts'])
    const lines = (sources.get('lib/identsphere.ts') ?? '').split('\n').length
    assert.ok(lines <= 120, `lib/identsphere.ts has ${lines} lines`)
  })

  it('keep entry points out of all other parts', () => {
    const entrances = ['client', 'resource', 'testing', 'cli']
    const refused = imports.filter(({ from, to }) => {
      const target = partOf(to) ?? ''
      return to.startsWith('lib/') && entrances.includes(target) && partOf(from) !== target
    })
    assert.deepEqual(refused.map(text), [])
  })

  it('keep identity out of the embedded Postgres', () => {
    const refused = imports.filter(
      ({ from, to }) =>
        partOf(from) === 'embedded-postgres' &&
        to.startsWith('lib/') &&
        partOf(to) !== 'embedded-postgres' &&
        !to.startsWith('lib/core/config/') &&
        !to.startsWith('lib/core/crypto/'),
    )
    assert.deepEqual(refused.map(text), [])
  })

  it('contain no circular imports, types included', () => {
    const next = new Map(files.map((file) => [file, imports.filter(({ from }) => from === file).map(({ to }) => to)]))
    const done = new Set<string>()
    const circles: string[] = []
    function visit(file: string, path: string[]): void {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' → '))
      if (done.has(file) || path.includes(file)) return
      for (const target of next.get(file) ?? []) visit(target, [...path, file])
      done.add(file)
    }
    for (const file of files) visit(file, [])
    assert.deepEqual(circles, [])
  })
})

describe('a feature', () => {
  it('keeps its repository to itself', () => {
    const refused = imports.filter(({ from, to }) => to.endsWith('/repository.ts') && featureOf(from) !== featureOf(to))
    assert.deepEqual(refused.map(text), [])
  })

  it('declares its routes for its own feature.ts', () => {
    const refused = imports.filter(
      ({ from, to, isType }) => to.endsWith('/routes.ts') && !isType && dirname(from) !== dirname(to),
    )
    assert.deepEqual(refused.map(text), [])
  })

  for (const { name, tables = [], reads = [] } of features) {
    it(`named ${name} writes and reads exactly the tables that it declares`, () => {
      const own = files.filter((file) => featureOf(file) === folderOf(name))
      const found = own.map((file) => tablesIn(sources.get(file) ?? ''))
      const written = new Set(found.flatMap((one) => one.written))
      const read = new Set(
        found.flatMap((one) => one.read).filter((table) => !(tables as readonly string[]).includes(table)),
      )
      assert.deepEqual(
        [...written].filter((table) => !(tables as readonly string[]).includes(table)),
        [],
        'writes',
      )
      assert.deepEqual([...read].sort(), [...reads].sort(), 'reads')
    })
  }

  it('or core owns each table that a migration creates', () => {
    const created = readdirSync(join(root, 'migrations')).flatMap((file) =>
      [...readFileSync(join(root, 'migrations', file), 'utf8').matchAll(/CREATE TABLE \$\{\w+\}\.(\w+)/g)].map(
        ([, table]) => table as string,
      ),
    )
    const core = ['audit_logs', 'audit_subject_keys', 'webhook_events', 'budgets', 'mail_outbox']
    const owned = features.flatMap(({ tables = [] }) => [...tables])
    assert.deepEqual([...owned, ...core].sort(), created.sort())
  })

  it('owns its tables, which core does not read', () => {
    const owned = features.flatMap(({ tables = [] }) => [...tables]) as string[]
    const core = files.filter((file) => partOf(file) === 'core')
    const found = core.flatMap((file) => {
      const { written, read } = tablesIn(sources.get(file) ?? '')
      return [...written, ...read].filter((table) => owned.includes(table)).map((table) => `${file}: ${table}`)
    })
    assert.deepEqual(found, [])
  })
})

/** Tables in the SQL of a file. Names come from `db.table('…')`, and from `sweep(store, '…', …)`, which deletes. */
function tablesIn(text: string): { written: string[]; read: string[] } {
  // The session check writes its statement once, with the schema in place of `db.table()`. Comments contain examples.
  const source = text.replace(/^\s*(\/\/|\*|\/\*).*$/gm, '')
  const names = (pattern: RegExp) => [...source.matchAll(pattern)].map(([, table]) => table as string)
  const written = [
    ...names(/(?:INSERT INTO|UPDATE|DELETE FROM)\s+\$\{(?:\w+\.)?table\('(\w+)'\)\}/g),
    ...names(/\bsweep\(\s*\w+,\s*'(\w+)'/g),
  ]
  const mentioned = [...names(/\btable\('(\w+)'\)/g), ...names(/\$\{schema\}\.(\w+)/g)]
  return { written, read: mentioned.filter((table) => !written.includes(table)) }
}

describe('the primitives', () => {
  it('keep node:crypto in lib/core/crypto, apart from listed exceptions', () => {
    const exceptions = new Set([
      'lib/features/tokens/signing-keys.ts',
      ...files.filter((file) => partOf(file) === 'embedded-postgres'),
    ])
    const users = imports.filter(({ to, isType }) => /^(node:)?crypto$/.test(to) && !isType)
    assert.ok(users.length > 0)
    const refused = users.filter(({ from }) => !from.startsWith('lib/core/crypto/') && !exceptions.has(from))
    assert.deepEqual(refused.map(text), [])
  })

  it('keep Express in lib/core/http', () => {
    const users = imports.filter(({ to }) => /^(express|cookie-parser|express-serve-static-core)$/.test(to))
    assert.ok(users.length > 0)
    assert.deepEqual(users.filter(({ from }) => !from.startsWith('lib/core/http/')).map(text), [])
  })

  it('keep requests and responses out of services, repositories and rules', () => {
    const touching = files.filter(
      (file) =>
        (/\/(service|repository)\.ts$/.test(file) || /\/rules\//.test(file)) &&
        /ServerResponse|IncomingMessage/.test(sources.get(file) ?? ''),
    )
    assert.deepEqual(touching, [])
  })

  it('keep SQL, transactions and audit rows out of routes', () => {
    const routes = files.filter((file) => file.endsWith('/routes.ts'))
    assert.ok(routes.length > 10)
    const refused = routes.filter((file) => /\.sql`|\.transaction\(|journal/.test(sources.get(file) ?? ''))
    assert.deepEqual(
      refused.filter((file) => file !== 'lib/features/tokens/routes.ts'),
      [],
    )
  })

  it('change the security version in one place', () => {
    const moving = files.filter((file) =>
      /UPDATE \$\{tx\.table\('users'\)\} SET security_version = security_version \+/.test(sources.get(file) ?? ''),
    )
    assert.deepEqual(moving, ['lib/features/users/repository.ts'])
    const callers = files.filter((file) => /\bbumpSecurityVersion\(/.test(sources.get(file) ?? ''))
    assert.deepEqual(callers.sort(), ['lib/features/users/repository.ts', 'lib/features/users/security-change.ts'])
  })

  it('keep each native or protocol library in one place', () => {
    const homes: Record<string, RegExp> = {
      argon2: /^lib\/features\/passwords\/schemes\//,
      bcrypt: /^lib\/features\/passwords\/schemes\//,
      jsonwebtoken: /^lib\/features\/tokens\//,
      'jwks-rsa': /^lib\/resource\//,
      pg: /^lib\/core\/store\//,
      qrcode: /^lib\/features\/totp\//,
      speakeasy: /^lib\/features\/totp\//,
      '@zxcvbn-ts/language-common': /^lib\/features\/passwords\/rules\//,
    }
    for (const [name, home] of Object.entries(homes)) {
      const users = imports.filter(({ to }) => to === name || to.startsWith(`${name}/`))
      assert.deepEqual(users.filter(({ from }) => !home.test(from)).map(text), [], name)
    }
  })
})
