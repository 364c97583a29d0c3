/** Processes that are killed while mail is on its way: none is lost, and what the server has confirmed is not sent again. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { relative } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { signUp, startApp, type TestApp } from '../../support/app.js'
import { compiled, root } from '../../support/compiled.js'
import { smtpError, startSmtp, type TestSmtp } from '../../support/smtp.js'

const from = 'no-reply@example.com'

describe('a process that is killed', () => {
  let smtp: TestSmtp
  /** Takes requests and never sends: whatever arrives was sent by a worker process. */
  let app: TestApp
  const workers: ChildProcess[] = []
  before(async () => {
    smtp = await startSmtp()
    app = await startApp({ mailer: { from, smtpUrl: smtp.url } })
  })
  afterEach(async () => {
    smtp.decide = () => null
    for (const worker of workers.splice(0)) await kill(worker)
  })
  after(async () => {
    await app?.close()
    await smtp?.close()
  })

  async function startWorker(...args: string[]): Promise<ChildProcess> {
    const worker = spawn(process.execPath, [compiled('lib/cli/identsphere.ts'), 'worker', ...args], {
      cwd: root,
      env: {
        PATH: process.env.PATH,
        NODE_ENV: 'test',
        DATABASE_URL: app.databaseUrl,
        IDENTSPHERE_JWT_SECRET: app.environment.IDENTSPHERE_JWT_SECRET,
        IDENTSPHERE_PUBLIC_BASE_URL: app.url,
        IDENTSPHERE_MAIL_FROM: from,
        SMTP_URL: smtp.url,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    workers.push(worker)
    const [text] = await once(worker.stdout as NodeJS.ReadableStream, 'data')
    assert.match(String(text), /The worker runs/)
    return worker
  }

  async function kill(worker: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<number | null> {
    if (worker.exitCode !== null || worker.signalCode !== null) return worker.exitCode
    const ended = once(worker, 'exit')
    worker.kill(signal)
    return (await ended)[0]
  }

  /** As if the claims of processes that are gone had ended. */
  const endClaims = () =>
    app.sql('UPDATE identsphere.mail_outbox SET next_attempt_at = now() WHERE sent_at IS NULL AND given_up_at IS NULL')

  const waiting = async () =>
    (
      await app.sql(
        'SELECT count(*)::int AS n FROM identsphere.mail_outbox WHERE sent_at IS NULL AND given_up_at IS NULL',
      )
    )[0].n as number

  async function until(holds: () => Promise<boolean> | boolean, what: string): Promise<void> {
    for (let tries = 0; tries < 1_000; tries += 1) {
      if (await holds()) return
      await wait(20)
    }
    assert.fail(`${what}: not within 20 s`)
  }

  const copies = (email: string) => smtp.recipients.filter((recipient) => recipient === email).length

  it('after the request and before anything was sent loses nothing', async () => {
    const people = await Promise.all(Array.from({ length: 5 }, () => signUp(app)))
    assert.equal(await waiting(), 5)
    await startWorker()
    await until(async () => (await waiting()) === 0, 'the mails are sent')
    for (const { email } of people) assert.equal(copies(email), 1)
  })

  it('while the server has a mail and did not confirm it leaves it to the next, which sends it once', async () => {
    const reached: Array<() => void> = []
    let hold = true
    const arrived = new Promise<void>((resolve) => reached.push(resolve))
    smtp.decide = async () => {
      if (!hold) return null
      for (const resolve of reached) resolve()
      await new Promise((resolve) => setTimeout(resolve, 60_000).unref())
      return smtpError(451, 'never said')
    }
    const { email } = await signUp(app)
    const first = await startWorker()
    await arrived
    await kill(first)
    assert.equal(copies(email), 0)
    hold = false
    const second = await startWorker()
    await endClaims()
    await until(async () => (await waiting()) === 0, 'the mail is sent')
    assert.equal(copies(email), 1)
    await kill(second)
  })

  it('is not waited for: a claim holds for a minute, then the mail belongs to whoever is there', async () => {
    smtp.decide = () => new Promise<null>(() => {})
    const { email } = await signUp(app)
    const first = await startWorker()
    await until(
      async () =>
        (await app.sql('SELECT 1 FROM identsphere.mail_outbox WHERE attempts > 0 AND sent_at IS NULL')).length > 0,
      'the mail is claimed',
    )
    await kill(first)
    const [row] = await app.sql(
      'SELECT extract(epoch FROM next_attempt_at - now())::float8 AS seconds FROM identsphere.mail_outbox WHERE sent_at IS NULL',
    )
    assert.ok(row.seconds > 0 && row.seconds <= 60, `${row.seconds}`)
    smtp.decide = () => null
    await endClaims()
    await startWorker()
    await until(async () => (await waiting()) === 0, 'the mail is sent')
    assert.equal(copies(email), 1)
  })

  it('again and again, at any moment, loses no mail, and repeats only what was in flight, under the same Message-ID', async () => {
    const people = await Promise.all(Array.from({ length: 20 }, () => signUp(app)))
    let confirmed = 0
    let kills = 0
    const emails = new Set(people.map(({ email }) => email))
    smtp.decide = (to) => {
      if (emails.has(to)) confirmed += 1
      return null
    }
    while ((await waiting()) > 0) {
      const worker = await startWorker()
      const goal = confirmed + 1 + ((kills * 3) % 7)
      await until(async () => confirmed >= goal || (await waiting()) === 0, 'some mails are sent')
      await kill(worker)
      kills += 1
      await endClaims()
      assert.ok(kills < 60, 'the queue does not get shorter')
    }
    const ids = new Map<string, Set<string | undefined>>()
    for (const mail of smtp.mails) {
      const to = mail.to !== undefined && !Array.isArray(mail.to) ? mail.to.text : ''
      if (emails.has(to)) ids.set(to, (ids.get(to) ?? new Set()).add(mail.messageId))
    }
    assert.ok(kills >= 3, `${kills} kills`)
    for (const { email } of people) {
      assert.ok(copies(email) >= 1, `${email} is lost`)
      assert.equal(ids.get(email)?.size, 1)
    }
    const repeated = people.reduce((sum, { email }) => sum + copies(email) - 1, 0)
    assert.ok(repeated <= kills * 4, `${repeated} repeated by ${kills} kills`)
  })

  it('told to stop, it confirms what is under way first, sends nothing twice and exits with 0', async () => {
    const people = await Promise.all(Array.from({ length: 10 }, () => signUp(app)))
    smtp.decide = async () => {
      await wait(50)
      return null
    }
    const worker = await startWorker(relative(root, compiled('test/support/worker-module-process.ts')))
    await until(() => people.some(({ email }) => copies(email) > 0), 'the first mail is sent')
    assert.equal(await kill(worker, 'SIGTERM'), 0)
    await endClaims()
    await startWorker()
    await until(async () => (await waiting()) === 0, 'the mails are sent')
    for (const { email } of people) assert.equal(copies(email), 1)
  })

  it('does not start in development without SMTP: no page would show what it keeps', async () => {
    const worker = spawn(process.execPath, [compiled('lib/cli/identsphere.ts'), 'worker'], {
      cwd: root,
      env: { PATH: process.env.PATH, NODE_ENV: 'development', DATABASE_URL: app.databaseUrl },
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
    assert.match(told, /has no export "identsphere"/)
  })
})
