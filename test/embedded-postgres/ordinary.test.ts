import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, chownSync, mkdtempSync, realpathSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { compiled, root } from '../support/compiled.js'
import { isRoot, nobody } from './support.js'

const files = ['launcher', 'recovery', 'places'].map((name) => compiled(`test/embedded-postgres/${name}.test.ts`))

describe('embedded Postgres under an ordinary user', { skip: isRoot ? false : 'all tests ran like this' }, () => {
  it('passes the same tests', async (t) => {
    for (const path of [join(root, 'node_modules/pg/package.json'), ...files, process.execPath]) {
      if (readableByAll(path)) continue
      console.error(`NOT TESTED under an ordinary user: ${path} is closed to other users.`)
      t.skip('the checkout or Node itself is closed to other users')
      return
    }
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'identsphere-ordinary-')))
    chownSync(folder, nobody, nobody)
    const { NODE_TEST_CONTEXT: _, ...environment } = process.env
    const child = spawn(process.execPath, ['--test', '--test-reporter=tap', '--test-concurrency=2', ...files], {
      cwd: root,
      uid: nobody,
      gid: nobody,
      env: { ...environment, HOME: folder, TMPDIR: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
    try {
      const [code] = await once(child, 'close')
      assert.equal(code, 0, output)
      assert.match(output, /^# pass [1-9]/m, output)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  function readableByAll(path: string): boolean {
    accessSync(path)
    const parts = path.split('/')
    const parents = parts.slice(1, -1).map((_, index) => parts.slice(0, index + 2).join('/'))
    return parents.every((parent) => (statSync(parent).mode & 0o001) !== 0) && (statSync(path).mode & 0o004) !== 0
  }
})
