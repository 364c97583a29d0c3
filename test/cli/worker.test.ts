/** @waits for the interval of workers */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { relative } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { compiled, root } from '../support/compiled.js'
import { type MailWorkers, startMailWorkers, until } from '../support/mail-workers.js'

describe('identsphere worker', () => {
  let mail: MailWorkers
  before(async () => {
    mail = await startMailWorkers()
  })
  afterEach(() => mail.reset())
  after(() => mail?.close())

  it('told to stop, it confirms what is under way first, sends nothing twice and exits with 0', async () => {
    const emails = await Promise.all(Array.from({ length: 10 }, mail.mailWaiting))
    mail.smtp.decide = async () => {
      await wait(50)
      return null
    }
    const worker = await mail.startWorker(relative(root, compiled('test/support/worker-module-process.ts')))
    await until(() => emails.some((email) => mail.copies(email) > 0), 'the first mail is sent')
    assert.equal(await mail.kill(worker, 'SIGTERM'), 0)
    await mail.endClaims()
    await mail.startWorker()
    await until(async () => (await mail.waiting()) === 0, 'the mails are sent')
    for (const email of emails) assert.equal(mail.copies(email), 1)
  })

  it('does not start in development without SMTP: no page would show what it keeps', async () => {
    const worker = spawn(process.execPath, [compiled('lib/cli/identsphere.ts'), 'worker'], {
      cwd: root,
      env: { PATH: process.env.PATH, NODE_ENV: 'development', DATABASE_URL: mail.app.databaseUrl },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let told = ''
    worker.stderr.on('data', (chunk) => {
      told += chunk
    })
    const [code] = await once(worker, 'exit')
    assert.equal(code, 1)
    assert.match(told, /SMTP_URL/)
  })

  it('does not start with a module that exports none, and says what it looked for', async () => {
    const worker = spawn(
      process.execPath,
      ['--import', 'tsx', 'lib/cli/identsphere.ts', 'worker', 'test/support/smtp.ts'],
      { cwd: root, env: { PATH: process.env.PATH }, stdio: ['ignore', 'ignore', 'pipe'] },
    )
    let told = ''
    worker.stderr.on('data', (chunk) => {
      told += chunk
    })
    const [code] = await once(worker, 'exit')
    assert.equal(code, 1)
    assert.match(told, /must export the result of createIdentSphere/)
  })
})
