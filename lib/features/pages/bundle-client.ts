import { fileURLToPath } from 'node:url'

/** The browser client as one file. Where IdentSphere is developed: its package has the file, and neither this nor esbuild. */
export async function bundleClient(): Promise<string> {
  const { build } = await import('esbuild')
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('../../client/served.ts', import.meta.url))],
    bundle: true,
    format: 'esm',
    minify: true,
    target: 'es2022',
    legalComments: 'none',
    write: false,
  })
  return outputFiles.map(({ text }) => text).join('')
}
