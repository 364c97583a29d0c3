import { fileURLToPath } from 'node:url'

/** Bundles the browser client. Only for the repository: the published package contains the bundle, but not this file and esbuild. */
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
