import { execFile } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')

/** The folder of an application that has installed IdentSphere from its tarball. */
export interface Host {
  folder: string
  /** Where the package was built. */
  builtIn: string
  tarballBytes: number
  /** Paths in the tarball, without `package/`. */
  tarball: string[]
  /** Links a package of the checkout into the application, under another name if given. Replaces an existing link. */
  link(name: string, as?: string): void
  /** Runs Node in the folder. Passes on no variables that Node or IdentSphere reads. */
  node(args: string[], environment?: Record<string, string>): Promise<{ stdout: string; stderr: string }>
  /** Writes a file in the folder. */
  write(name: string, text: string): void
  /**
   * Compiles in strict mode, declarations included. Rejects with the compiler's output on an error.
   *
   * @param options of the compiler. Default: it only checks
   * @param files that are compiled. Default: the one called `name`
   */
  compile(name: string, options?: object, files?: string[]): Promise<void>
  remove(): void
}

const notPacked = new Set(['node_modules', '.git', 'dist', '.test-build', '.identsphere', 'coverage'])

/**
 * Builds and packs a copy of the checkout, which stays unchanged, and unpacks the tarball like npm. Dependencies are
 * links to those of the checkout, so no network is needed. They are laid out like those of pnpm: beside the package in
 * its own folder. The application then finds none of them, and the package finds only them.
 */
export async function installPacked(): Promise<Host> {
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const folder = mkdtempSync(join(tmpdir(), 'identsphere-package-'))
  const copy = join(folder, 'checkout')
  cpSync(root, copy, { recursive: true, filter: (path) => path === root || !notPacked.has(basename(path)) })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  await run('npm', ['pack', '--silent', '--offline', '--pack-destination', folder], { cwd: copy })
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'))
  if (tarball === undefined) throw new Error('npm pack left no tarball')

  const host = join(folder, 'host')
  const modules = join(host, 'node_modules')
  const store = join(modules, '.pnpm/identsphere/node_modules')
  const installed = join(store, 'identsphere')
  mkdirSync(installed, { recursive: true })
  await run('tar', ['-xzf', join(folder, tarball), '--strip-components=1', '-C', installed])
  symlinkSync(installed, join(modules, 'identsphere'))
  for (const name of Object.keys(dependencies)) linkPackage(name, join(store, name))
  linkPackage('@types/node', join(modules, '@types/node'))
  const write = (name: string, text: string) => writeFileSync(join(host, name), text)
  return {
    folder: host,
    builtIn: copy,
    tarballBytes: statSync(join(folder, tarball)).size,
    link: (name, as = name) => linkPackage(name, join(modules, as)),
    tarball: readdirSync(installed, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1))
      .sort(),
    node: (args, environment = {}) =>
      run(process.execPath, args, { cwd: host, env: { PATH: process.env.PATH, ...environment }, timeout: 60_000 }),
    write,
    async compile(name, options = { noEmit: true }, files = [name]) {
      const strict = { target: 'es2022', module: 'nodenext', strict: true, exactOptionalPropertyTypes: true }
      const compilerOptions = { ...strict, skipLibCheck: false, types: ['node'], ...options }
      write(`tsconfig.${name}.json`, JSON.stringify({ compilerOptions, files }))
      try {
        // Threads would check the declarations that all files share once each.
        const compiler = join(root, 'node_modules/typescript/bin/tsc')
        await run(process.execPath, [compiler, '--singleThreaded', '-p', `tsconfig.${name}.json`], { cwd: host })
      } catch (error) {
        throw new Error((error as { stdout?: string }).stdout || String(error))
      }
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

function linkPackage(name: string, path: string): void {
  mkdirSync(dirname(path), { recursive: true })
  rmSync(path, { force: true })
  symlinkSync(join(root, 'node_modules', name), path)
}
