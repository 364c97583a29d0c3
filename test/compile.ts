import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { stop, transform } from 'esbuild'
import { bundleClient } from '../lib/features/pages/bundle-client.js'
import { buildFolder, compiled, root } from './support/compiled.js'

const folders = ['lib', 'migrations', 'examples', 'scripts', 'test']

/**
 * Compiles the checkout for the tests into `.test-build/`, each file by itself. Does not check types. Writes a file
 * only if it changed, and atomically, so that a second run can continue in parallel.
 *
 * @throws Error for an invalid TypeScript file
 */
export async function compileTests(): Promise<void> {
  const sources = (await Promise.all(folders.map((folder) => filesIn(join(root, folder)))))
    .flat()
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
  const clientFile = join(buildFolder, 'lib/features/pages/client.js')
  const made = await Promise.all([...sources.map(compile), bundleClient().then((text) => write(clientFile, text))])
  const current = new Set(made.flat())
  const stale = (await filesIn(buildFolder)).filter((path) => /\.js(\.map)?$/.test(path) && !current.has(path))
  await Promise.all(stale.map((path) => rm(path, { force: true })))
  await stop() // esbuild's own process
}

/** @returns the files that were written */
async function compile(source: string): Promise<string[]> {
  const target = compiled(source)
  const { code, map } = await transform(await readFile(source, 'utf8'), {
    loader: 'ts',
    format: 'esm',
    target: 'es2023',
    sourcefile: relative(dirname(target), source),
    sourcemap: 'external',
    sourcesContent: false,
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
    // The folder of the source. Tests read documents from it, and examples read their pages.
    define: { 'import.meta.dirname': JSON.stringify(dirname(source)) },
  })
  const name = relative(dirname(target), `${target}.map`)
  return (
    await Promise.all([write(target, `${code}//# sourceMappingURL=${name}\n`), write(`${target}.map`, map)])
  ).flat()
}

async function write(path: string, text: string): Promise<string[]> {
  const before = await readFile(path, 'utf8').catch(() => null)
  if (before === text) return [path]
  const unfinished = `${path}.${process.pid}`
  await mkdir(dirname(path), { recursive: true })
  await writeFile(unfinished, text)
  await rename(unfinished, path)
  return [path]
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}
