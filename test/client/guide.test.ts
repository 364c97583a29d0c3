/** Compiles the guide's examples with strict types, as in a host. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { promisify } from 'node:util'

const root = join(import.meta.dirname, '../..')
const guide = readFileSync(join(root, 'docs/client.md'), 'utf8')
const examples = [...guide.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code as string)

/** Names that the examples leave to the reader. */
const reader = `
declare const email: string, password: string, organization_name: string, code: string, body: string
declare function askForCode(mfaToken?: string): Promise<string | null>
declare function askForPassword(): Promise<string | null>
`
const imports = "import { createClient } from 'identsphere/client'\n"
const client = 'const client = createClient()\n'

describe("the client's guide", () => {
  const folder = mkdtempSync(join(tmpdir(), 'identsphere-guide-'))
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('has examples that compile', async () => {
    assert.ok(examples.length >= 4)
    examples.forEach((example, index) => {
      const missing = [example.includes('import ') ? '' : imports, example.includes('const client = ') ? '' : client]
      writeFileSync(join(folder, `example-${index}.ts`), `${missing.join('')}${reader}${example}`)
    })
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        extends: join(root, 'tsconfig.json'),
        compilerOptions: {
          lib: ['es2023', 'dom'],
          rootDir: '/',
          typeRoots: [join(root, 'node_modules/@types')],
          paths: { 'identsphere/client': [join(root, 'lib/client/index.ts')] },
          module: 'esnext',
          moduleResolution: 'bundler',
          noUnusedLocals: false,
          noUnusedParameters: false,
        },
        include: ['*.ts'],
      }),
    )
    const compiling = promisify(execFile)(join(root, 'node_modules/.bin/tsc'), ['-p', folder])
    const failure = await compiling.then(
      () => '',
      ({ stdout, stderr }) => `${stdout}${stderr}`,
    )
    assert.equal(failure, '')
  })
})
