import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')

/** An application's folder with IdentSphere installed from its tarball. */
export interface Host {
  folder: string
  /** Paths in the tarball, without `package/`. */
  tarball: string[]
  /** Gives the application one more of the checkout's packages. */
  link(name: string): void
  /** Runs Node in the folder, without anything of this process's environment that Node or IdentSphere reads. */
  node(args: string[], environment?: Record<string, string>): Promise<{ stdout: string; stderr: string }>
  /** Runs the TypeScript compiler in the folder. Rejects with its output where it finds an error. */
  tsc(args: string[]): Promise<void>
  remove(): void
}

const notPacked = new Set(['node_modules', '.git', 'dist', '.identsphere', 'coverage'])

/**
 * Builds and packs a copy of the checkout, so that nothing of it changes, and unpacks the tarball as npm would. Dependencies
 * are links to the checkout's, so no network is needed.
 *
 * @param packages what npm would install besides: the dependencies, and what the application itself asks for
 */
export async function installPacked(packages: string[]): Promise<Host> {
  const folder = mkdtempSync(join(tmpdir(), 'identsphere-package-'))
  const copy = join(folder, 'checkout')
  cpSync(root, copy, { recursive: true, filter: (path) => path === root || !notPacked.has(basename(path)) })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  await run('npm', ['pack', '--silent', '--offline', '--pack-destination', folder], { cwd: copy })
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'))
  if (tarball === undefined) throw new Error('npm pack left no tarball')

  const host = join(folder, 'host')
  const installed = join(host, 'node_modules/identsphere')
  mkdirSync(installed, { recursive: true })
  await run('tar', ['-xzf', join(folder, tarball), '--strip-components=1', '-C', installed])
  function link(name: string): void {
    const path = join(host, 'node_modules', name)
    mkdirSync(dirname(path), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), path)
  }
  for (const name of packages) link(name)
  return {
    folder: host,
    link,
    tarball: readdirSync(installed, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1))
      .sort(),
    node: (args, environment = {}) =>
      run(process.execPath, args, { cwd: host, env: { PATH: process.env.PATH, ...environment }, timeout: 60_000 }),
    async tsc(args) {
      try {
        await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), ...args], { cwd: host })
      } catch (error) {
        throw new Error((error as { stdout?: string }).stdout || String(error))
      }
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
