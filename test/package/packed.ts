import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs'
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
  /** Runs the TypeScript compiler in the folder. Rejects with its output on an error. */
  tsc(args: string[]): Promise<void>
  remove(): void
}

const notPacked = new Set(['node_modules', '.git', 'dist', '.test-build', '.identsphere', 'coverage'])

/**
 * Builds and packs a copy of the checkout, which stays unchanged, and unpacks the tarball like npm. Dependencies are
 * links to those of the checkout, so no network is needed. They are laid out like those of pnpm: beside the package in
 * its own folder. The application then finds none of them, and the package finds only them.
 *
 * @param dependencies names of the packages that the package declares
 */
export async function installPacked(dependencies: string[]): Promise<Host> {
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
  for (const name of dependencies) linkPackage(name, join(store, name))
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
    async tsc(args) {
      try {
        // Threads would check the declarations that all files share once each.
        const compiler = join(root, 'node_modules/typescript/bin/tsc')
        await run(process.execPath, [compiler, '--singleThreaded', ...args], { cwd: host })
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
