/**
 * Writes the tables of README.md and docs/architecture.md that derive from the code: `npm run docs`. A table stands between
 * `<!-- table: name -->` and `<!-- end -->`. `test/package/docs.test.ts` fails if one is out of date.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { coreOptions } from '../lib/core/config/options.js'
import { features } from '../lib/features.js'
import { buildIdentSphere } from '../lib/identsphere.js'
import { readOptionDocs } from './option-docs.js'

const root = join(import.meta.dirname, '..')

/** Every option with its environment variable, default and meaning, from the TSDoc of the `options.ts` files. */
export function optionsTable(): string {
  const documented = readOptionDocs(optionSources())
  const paths = [coreOptions, ...features.flatMap(({ options = [] }) => options)]
    .flatMap(({ fields }) => Object.keys(fields))
    .filter((path) => !path.startsWith('hooks.'))
  const rows = [...paths, 'hooks'].map((path) => {
    const option = documented.get(path)
    if (option === undefined) throw new Error(`the option ${path} has no TSDoc`)
    const { meaning, environment, defaultText } = option
    return `| \`${path}\` | ${environment} | ${defaultText} | ${meaning} |`
  })
  return ['| option | environment | default | meaning |', '|---|---|---|---|', ...rows].join('\n')
}

/** Fixed defaults of the schemas by option, to compare with what the TSDoc says. */
export function fixedDefaults(): ReadonlyMap<string, unknown> {
  const fields = Object.assign({}, coreOptions.fields, ...features.map(({ options }) => options?.fields))
  const defaults = Object.entries<z.ZodType>(fields).flatMap(([path, schema]) =>
    schema instanceof z.ZodDefault ? [[path, schema.def.defaultValue] as const] : [],
  )
  return new Map(defaults)
}

/** Each feature with its routes, the tables that it writes, and the tables of others that it reads. */
export function featuresTable(): string {
  const identsphere = buildIdentSphere(
    { database: 'postgres://127.0.0.1:1/unused', passkeys: { relatedOrigins: ['http://localhost:3000'] } },
    {
      environment: { NODE_ENV: 'test', IDENTSPHERE_JWT_SECRET: 'an-example-secret-of-enough-length' },
      clock: { now: () => 0, offsetSeconds: () => 0, wait: async () => {} },
    },
  )
  const code = (names: readonly string[]) => (names.length === 0 ? '—' : names.map((name) => `\`${name}\``).join(', '))
  const rows = features.map((feature) => {
    const routes = identsphere.assembly.routesOf(feature.name).map(({ method, path }) => `${method} ${path}`)
    return `| \`${feature.name}\` | ${code(routes)} | ${code(feature.tables ?? [])} | ${code(feature.reads ?? [])} |`
  })
  return ['| feature | routes | tables | reads |', '|---|---|---|---|', ...rows].join('\n')
}

const tables: Readonly<Record<string, () => string>> = { options: optionsTable, features: featuresTable }

/** The file with its tables as they should be. */
export function withTables(text: string): string {
  return text.replace(/(<!-- table: (\w+) -->\n)[\s\S]*?(\n<!-- end -->)/g, (_all, start, name, end) => {
    const table = tables[name]
    if (table === undefined) throw new Error(`there is no table ${name}`)
    return `${start}\n${table()}\n${end}`
  })
}

export const documents = ['README.md', 'docs/architecture.md'].map((file) => join(root, file))

function optionSources(): string[] {
  const files = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
  const paths = files.filter((file) => /(^|\/)(options|features)\.ts$/.test(file) && !file.startsWith('resource'))
  return paths.map((file) => readFileSync(join(root, 'lib', file), 'utf8'))
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const file of documents) writeFileSync(file, withTables(readFileSync(file, 'utf8')))
}
