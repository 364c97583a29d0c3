import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, it } from 'node:test'
import { compiled, root } from '../support/compiled.js'

const usage = /^Usage: identsphere <command>$/m

/** Runs the command without a database, which help does not need. */
function run(args: string[]): Promise<{ code: number; out: string; err: string }> {
  const command = [compiled('lib/cli/identsphere.ts'), ...args]
  return new Promise((resolve) => {
    execFile(process.execPath, command, { cwd: root, env: { PATH: process.env.PATH } }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    )
  })
}

describe('the help of identsphere', () => {
  it('prints the usage and does nothing else, with any arguments', async () => {
    for (const args of [
      [],
      ['help'],
      ['--help'],
      ['-h'],
      ['worker', '--help'],
      ['worker', '-h'],
      ['worker', 'no-such-module.js', '--help'],
      ['migrate', '--help'],
      ['migrate', 'status', '--help'],
      ['migrate', 'rollback', '--yes', '--help'],
    ]) {
      const { code, out, err } = await run(args)
      assert.deepEqual([code, err], [0, ''], args.join(' '))
      assert.match(out, usage, args.join(' '))
    }
  })

  it('prints the usage as an error for unknown arguments', async () => {
    for (const args of [
      ['worker', '--frequently'],
      ['worker', 'a', 'b'],
      ['migrate', '--frequently'],
      ['--version'],
      ['drop', '--help'],
    ]) {
      const { code, out, err } = await run(args)
      assert.deepEqual([code, out], [2, ''], args.join(' '))
      assert.match(err, usage, args.join(' '))
    }
  })
})
