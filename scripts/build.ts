/**
 * Makes `dist/`: declarations by tsc, reduced to what the entrances show, and JavaScript in few files. Few files load in two thirds of the
 * time, and take a third of the space.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type BuildOptions, build, type Plugin } from 'esbuild'
import { bundleClient } from '../lib/features/pages/bundle-client.js'
import { bundledFiles, bundlePackage, licenseOf } from './bundled.js'
import { pruneDeclarations } from './prune-declarations.js'

const root = join(import.meta.dirname, '..')
const dist = join(root, 'dist/lib')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** Paths below `lib/`, without their ending, that package.json names. */
const entrances: string[] = [...Object.values(manifest.exports), ...Object.values(manifest.bin)].flatMap((target) => {
  const path = typeof target === 'string' ? target : (target as { default: string }).default
  return /^\.\/dist\/lib\/(.+)\.js$/.exec(path)?.[1] ?? []
})
const isClient = (entrance: string) => entrance.startsWith('client/')

/** Says what becomes of each import of a package. */
const packages: Plugin = {
  name: 'packages',
  setup({ onResolve }) {
    const installed = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })
    onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
      const name = /^(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? ''
      if (kind === 'entry-point') return undefined
      if (path.startsWith('node:') || installed.includes(name)) return { path, external: true }
      if (bundledFiles[path] !== undefined) return { path: `#bundled/${bundledFiles[path]}`, external: true }
      return { errors: [{ text: `${path} is neither a dependency nor bundled` }] }
    })
    // It needs esbuild. The package has the file that it would make.
    onResolve({ filter: /\/bundle-client\.js$/ }, ({ path }) => ({ path, external: true }))
  },
}

const common: BuildOptions = {
  outdir: dist,
  outbase: join(root, 'lib'),
  absWorkingDir: root,
  bundle: true,
  splitting: true,
  // The comments with a file's path would name the folder of a linked node_modules.
  preserveSymlinks: true,
  format: 'esm',
}

const sources = (wanted: string[]) => wanted.map((entrance) => join(root, 'lib', `${entrance}.ts`))

rmSync(join(root, 'dist'), { recursive: true, force: true })
execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' })
pruneDeclarations(
  join(root, 'dist'),
  entrances.filter((path) => !path.startsWith('cli/')).map((path) => join(dist, `${path}.d.ts`)),
)
const server = sources(entrances.filter((path) => !isClient(path)))
await build({ ...common, entryPoints: server, platform: 'node', target: 'node20', plugins: [packages] })
// Browsers get the passkey library in a chunk of its own.
await build({
  ...common,
  entryPoints: sources(entrances.filter(isClient)),
  chunkNames: 'client/[name]',
  target: 'es2022',
  banner: { js: licenseOf('node_modules/@simplewebauthn/browser') },
})
mkdirSync(join(dist, 'bundled'))
for (const [name, file] of Object.entries(bundledFiles)) {
  writeFileSync(join(dist, 'bundled', `${file}.js`), await bundlePackage(name))
}
// Where `GET /v1/client.js` looks for it: beside the code.
writeFileSync(join(dist, 'client.js'), await bundleClient())
for (const path of Object.values(manifest.bin) as string[]) chmodSync(join(root, path), 0o755)
