/**
 * Reduces the declarations that tsc wrote to what the entrances of the package show. Hosts then need no types of packages that only
 * the inside uses, and the package is smaller. Reads the regular text that tsc writes, not any TypeScript.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** An import, a re-export or a declaration. */
interface Statement {
  /** With the comment in front of it. */
  readonly text: string
  /** Names that it declares or binds in its file. */
  readonly names: readonly string[]
  /** What an import or a re-export takes from where. */
  readonly from?: { readonly target: string; readonly bindings: readonly Binding[]; readonly isExport: boolean }
}

interface Binding {
  /** Name in the other file; `*` for all of it. */
  readonly imported: string
  readonly local: string
  /** As it is written between the braces, or in place of them. */
  readonly text: string
}

/** Statements by the path of the file. */
type Read = (file: string) => readonly Statement[]

/**
 * @param folder of tsc's output
 * @param entrances paths of `.d.ts` files
 */
export function pruneDeclarations(folder: string, entrances: readonly string[]): void {
  const parsed = new Map<string, Statement[]>()
  const read: Read = (file) => {
    const statements = parsed.get(file) ?? parse(readFileSync(file, 'utf8'))
    parsed.set(file, statements)
    return statements
  }
  const kept = new Map<string, Set<string>>()
  const waiting = entrances.flatMap((file) => exportsOf(read, file))
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [file, name] = next
    // What a file adds to other modules has no name, and comes with the file.
    const names = kept.get(file) ?? new Set()
    if (names.size === 0) waiting.push([file, ''])
    if (names.has(name)) continue
    kept.set(file, names.add(name))
    waiting.push(...referencesOf(read, file, name))
  }
  for (const file of declarationFiles(folder)) {
    const names = kept.get(file)
    if (names === undefined) rmSync(file)
    else writeFileSync(file, write(read(file), names))
  }
}

function declarationFiles(folder: string): string[] {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return paths.filter((path) => path.endsWith('.d.ts')).map((path) => join(folder, path))
}

function exportsOf(read: Read, file: string): Array<[file: string, name: string]> {
  const exported = read(file).filter(({ text, from }) => from?.isExport ?? /^export /m.test(withoutComments(text)))
  return exported.flatMap(({ names }) => names.map((name): [string, string] => [file, name]))
}

/** What the declarations of `name` in `file` refer to. */
function referencesOf(read: Read, file: string, name: string): Array<[file: string, name: string]> {
  const statements = read(file)
  const here = new Set(statements.flatMap(({ names }) => names))
  return statements
    .filter((statement) => (name === '' ? isAugmentation(statement) : statement.names.includes(name)))
    .flatMap(({ text, from }) => {
      if (from !== undefined) {
        const target = resolve(file, from.target)
        if (target === undefined) return []
        const wanted = from.bindings.filter(({ local }) => local === name)
        return wanted.flatMap(
          ({ imported }): Array<[string, string]> =>
            imported === '*' ? exportsOf(read, target) : [[target, imported]],
        )
      }
      const code = withoutComments(text)
      const inline = [...code.matchAll(/import\("([^"]+)"\)\.(\w+)/g)].flatMap(([, path = '', member = '']) => {
        const target = resolve(file, path)
        return target === undefined ? [] : [[target, member] as [string, string]]
      })
      // A word with a colon is a property, and one with a bracket at the beginning of a line is a method.
      const types = code.replace(/[\w$]+\??:|^ +(?:(?:static|get|set|abstract|protected) )*[\w$]+\??(?=[(<])/gm, '')
      const words = new Set(types.match(/[A-Za-z_$][\w$]*/g))
      return [...inline, ...[...words].filter((word) => here.has(word)).map((word): [string, string] => [file, word])]
    })
}

function resolve(file: string, target: string): string | undefined {
  return target.startsWith('.') ? join(dirname(file), target).replace(/\.js$/, '.d.ts') : undefined
}

function write(statements: readonly Statement[], names: ReadonlySet<string>): string {
  const lines = statements.flatMap((statement) => {
    const { text, from } = statement
    if (from === undefined)
      return isAugmentation(statement) || statement.names.some((name) => names.has(name)) ? [text] : []
    const bindings = from.bindings.filter(({ local }) => names.has(local))
    if (bindings.length === 0) return []
    const [single] = bindings
    const isWhole = single !== undefined && !text.includes('{')
    const keyword = from.isExport ? 'export' : 'import'
    const type = new RegExp(`${keyword} type `).test(text) ? ' type' : ''
    const list = isWhole ? single.text : `{ ${bindings.map((binding) => binding.text).join(', ')} }`
    return [`${keyword}${type} ${list} from '${from.target}';`]
  })
  return `${lines.join('\n')}\nexport {};\n`
}

function isAugmentation({ text }: Statement): boolean {
  return /^declare (module|global)/m.test(withoutComments(text))
}

function parse(source: string): Statement[] {
  return split(source).flatMap((text) => {
    const code = withoutComments(text).trim()
    if (code === '' || code === 'export {};') return []
    const [, keyword, list, target] = /^(import|export)(?: type)? ([^;]*?) from ['"]([^'"]+)['"];$/s.exec(code) ?? []
    if (list !== undefined && target !== undefined) {
      const bindings = bindingsOf(list)
      const from = { target, bindings, isExport: keyword === 'export' }
      return [{ text: code, names: bindings.map(({ local }) => local), from }]
    }
    const [, name] =
      /^(?:export )?(?:declare )?(?:abstract )?(?:interface|type|const|function|class|enum|namespace) ([\w$]+)/.exec(
        code,
      ) ?? []
    if (name === undefined && !isAugmentation({ text, names: [] }))
      throw new Error(`cannot read this declaration:\n${code}`)
    return [{ text, names: name === undefined ? [] : [name] }]
  })
}

/** `a, type B as C` and `* as d` and `e, { f }`, as they stand between `import` and `from`. */
function bindingsOf(list: string): Binding[] {
  const [, before = '', named = ''] = /^([^{]*)(?:\{([^}]*)\})?$/s.exec(list) ?? []
  const whole = before.replace(/,\s*$/, '').trim()
  const bindings = named.split(',').flatMap((part): Binding[] => {
    const text = part.trim()
    const [, imported = '', local = imported] = /^(?:type )?([\w$]+)(?: as ([\w$]+))?$/.exec(text) ?? []
    return text === '' ? [] : [{ imported, local, text }]
  })
  if (whole === '') return bindings
  if (named !== '') throw new Error(`cannot read this import: ${list}`)
  return [{ imported: whole.startsWith('*') ? '*' : 'default', local: whole.replace('* as ', ''), text: whole }]
}

/** Statements end with a semicolon or, if they are blocks, with their last brace. */
function split(source: string): string[] {
  const statements: string[] = []
  const isBlock = /^(export )?(declare )?(abstract )?(interface|class|module|global|namespace|enum)\b/
  let start = 0
  let depth = 0
  for (const { 0: token, index } of source.matchAll(
    /\/\*.*?\*\/|\/\/[^\n]*|"[^"\n]*"|'[^'\n]*'|`[^`]*`|[{}()[\];]/gs,
  )) {
    if (/^[{([]$/.test(token)) depth += 1
    if (/^[})\]]$/.test(token)) depth -= 1
    const soFar = source.slice(start, index + token.length)
    const ends = token === ';' || (token === '}' && isBlock.test(withoutComments(soFar).trimStart()))
    if (depth !== 0 || !ends) continue
    statements.push(soFar.replace(/^\n+/, ''))
    start = index + token.length
  }
  return statements
}

function withoutComments(text: string): string {
  return text.replace(/\/\*.*?\*\/|^\s*\/\/[^\n]*\n/gs, '')
}
