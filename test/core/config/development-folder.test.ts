import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, describe, it } from 'node:test'
import { developmentPath } from '../../../lib/core/config/development-folder.js'

describe('the development folder', () => {
  const start = process.cwd()
  const made: string[] = []
  beforeEach(() => {
    const project = mkdtempSync(join(tmpdir(), 'identsphere-folder-'))
    made.push(project)
    process.chdir(project)
  })
  after(() => {
    process.chdir(start)
    for (const project of made) rmSync(project, { recursive: true })
  })
  const modeOf = (path: string) => statSync(path).mode & 0o777

  it('is created for its owner only and ignored by git', () => {
    assert.equal(developmentPath('secret'), '.identsphere/secret')
    assert.equal(modeOf('.identsphere'), 0o700)
    assert.equal(readFileSync('.identsphere/.gitignore', 'utf8'), '*\n')
  })

  it('is closed to other users if it was open', () => {
    mkdirSync('.identsphere')
    for (const mode of [0o777, 0o755, 0o701]) {
      chmodSync('.identsphere', mode)
      developmentPath('postgres')
      assert.equal(modeOf('.identsphere'), 0o700)
    }
  })

  it('is refused if it is open and belongs to another user', { skip: process.getuid?.() !== 0 }, () => {
    const nobody = 65534
    chownSync('.', nobody, nobody)
    mkdirSync('.identsphere')
    chmodSync('.identsphere', 0o777)
    process.seteuid?.(nobody)
    try {
      assert.throws(() => developmentPath('secret'), {
        name: 'ConfigurationError',
        message: /\.identsphere is open to other users and belongs to user 0\. Delete it, or run `sudo chown -R`/,
      })
    } finally {
      process.seteuid?.(0)
    }
  })
})
