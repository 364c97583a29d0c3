/**
 * Packages that `npm run build` puts into `dist/lib/bundled/`, so that hosts do not install them: of each, the part that we use, as one
 * file with its license.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync } from 'node:zlib'
import { dictionary } from '@zxcvbn-ts/language-common'
import { build, type Plugin } from 'esbuild'

const root = join(import.meta.dirname, '..')

/** Name of the file by the name of the package. */
export const bundledFiles: Readonly<Record<string, string>> = {
  zod: 'zod',
  qrcode: 'qrcode',
  '@zxcvbn-ts/language-common': 'language-common',
}

/** What the packages export in our bundle. */
const sources: Readonly<Record<string, () => string>> = {
  zod: () => "export { z } from 'zod'",
  qrcode: () => "export { toBuffer } from 'qrcode'",
  '@zxcvbn-ts/language-common': commonPasswords,
}

/** The text of the file for a package of {@link bundledFiles}. */
export async function bundlePackage(name: string): Promise<string> {
  const source = sources[name]
  if (source === undefined) throw new Error(`${name} is not bundled`)
  const { outputFiles, metafile } = await build({
    stdin: { contents: source(), resolveDir: root },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    minify: true,
    legalComments: 'none',
    metafile: true,
    write: false,
    plugins: [withoutLocales],
  })
  const text = outputFiles.map((file) => file.text).join('')
  // CommonJS packages ask for modules of Node with require().
  const require = text.includes('require')
    ? "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);\n"
    : ''
  const folders = Object.keys(metafile.inputs).map((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0])
  const packages = new Set([join('node_modules', name), ...folders.filter((folder) => folder !== undefined)])
  return `${[...packages].map(licenseOf).join('')}${require}${text}`
}

/** Zod's messages in 50 languages. We write our own. */
const withoutLocales: Plugin = {
  name: 'without-locales',
  setup({ onLoad }) {
    onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({ contents: 'export {}' }))
  },
}

/** The license of a package as a comment that bundlers keep. */
export function licenseOf(folder: string): string {
  const { name, version } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
  const file = readdirSync(join(root, folder)).find((path) => /^licen[cs]e/i.test(path))
  if (file === undefined) throw new Error(`${folder} has no license file`)
  return `/*! ${name} ${version}\n\n${readFileSync(join(root, folder, file), 'utf8').trim()}\n*/\n`
}

/**
 * The list of common passwords, without the rest of its package. Sorted, each word begins with the number of characters that it shares
 * with the word before.
 */
function commonPasswords(): string {
  const words = [...dictionary['passwords-common']].sort()
  const lines = words.map((word, index) => {
    const before = words[index - 1] ?? ''
    let shared = 0
    while (shared < 35 && shared < word.length && word[shared] === before[shared]) shared += 1
    return shared.toString(36) + word.slice(shared)
  })
  return `
    import { brotliDecompressSync } from 'node:zlib'
    const packed = '${brotliCompressSync(lines.join('\n')).toString('base64')}'
    const words = []
    let word = ''
    for (const line of brotliDecompressSync(Buffer.from(packed, 'base64')).toString().split('\\n')) {
      word = word.slice(0, parseInt(line[0], 36)) + line.slice(1)
      words.push(word)
    }
    export const dictionary = { 'passwords-common': words }`
}
