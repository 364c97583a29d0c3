import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { startApp, type TestApp } from './app.js'
import { compiled, root } from './compiled.js'
import { newPerson } from './people.js'
import { startSmtp, type TestSmtp } from './smtp.js'

const from = 'no-reply@example.com'

/** An application that takes requests and never sends, and worker processes that send its mail. */
export interface MailWorkers {
  readonly app: TestApp
  readonly smtp: TestSmtp
  /** Makes a new user, for whom a mail is waiting. @returns the address */
  mailWaiting(): Promise<string>
  /** Starts `identsphere worker`. The first run of its mail job comes after its interval of 5 s. */
  startWorker(...args: string[]): Promise<ChildProcess>
  /** @returns the exit code */
  kill(worker: ChildProcess, signal?: NodeJS.Signals): Promise<number | null>
  /** As if the claims of processes that are gone had ended. */
  endClaims(): Promise<unknown>
  /** Mails that are waiting. */
  waiting(): Promise<number>
  /** How often a mail to this address has arrived. */
  copies(email: string): number
  /** Kills all workers and makes the SMTP server take every mail again. */
  reset(): Promise<void>
  close(): Promise<void>
}

export async function startMailWorkers(): Promise<MailWorkers> {
  const smtp = await startSmtp()
  const app = await startApp({ mailer: { from, smtpUrl: smtp.url } })
  const workers: ChildProcess[] = []

  async function kill(worker: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<number | null> {
    if (worker.exitCode !== null || worker.signalCode !== null) return worker.exitCode
    const ended = once(worker, 'exit')
    worker.kill(signal)
    return (await ended)[0]
  }

  return {
    app,
    smtp,
    async mailWaiting() {
      const { client, email } = await newPerson(app)
      const answer = await client.post('/v1/auth/email/verify/request')
      assert.equal(answer.status, 204, answer.text)
      return email
    },
    async startWorker(...args) {
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
      assert.match(String(text), /The worker is running/)
      return worker
    },
    kill,
    endClaims: () =>
      app.sql(
        'UPDATE identsphere.mail_outbox SET next_attempt_at = now() WHERE sent_at IS NULL AND given_up_at IS NULL',
      ),
    async waiting() {
      const [row] = await app.sql(
        'SELECT count(*)::int AS n FROM identsphere.mail_outbox WHERE sent_at IS NULL AND given_up_at IS NULL',
      )
      return row.n
    },
    copies: (email) => smtp.recipients.filter((recipient) => recipient === email).length,
    async reset() {
      smtp.decide = () => null
      for (const worker of workers.splice(0)) await kill(worker)
    },
    async close() {
      await app.close()
      await smtp.close()
    },
  }
}

/** Waits until it holds. @throws AssertionError after 20 s */
export async function until(holds: () => Promise<boolean> | boolean, what: string): Promise<void> {
  for (let tries = 0; tries < 1_000; tries += 1) {
    if (await holds()) return
    await wait(20)
  }
  assert.fail(`${what}: not within 20 s`)
}
