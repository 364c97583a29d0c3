/** Queued mail: confidentiality, recipients, and conditions under which it is not sent. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { IdentSphereError } from '../../../lib/core/errors.js'
import type { IdentSphereOptions } from '../../../lib/features.js'
import { password, signUp, startApp, type TestApp } from '../../support/app.js'
import { codeIn, mailsTo, mailTo, runJobs, signUpAndFollowLink, tokenIn } from '../../support/mail.js'

type Hook = NonNullable<NonNullable<IdentSphereOptions['hooks']>['beforeSignIn']>

describe('the outbox', () => {
  let app: TestApp
  let beforeSignIn: Hook = () => {}
  before(async () => {
    app = await startApp({ hooks: { beforeSignIn: (...given) => beforeSignIn(...given) } })
  })
  after(() => app.close())

  /** Everything that a reader of the database sees, including bytes as text. */
  async function everything(): Promise<string> {
    const tables = await app.sql(
      "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'identsphere' AND table_type = 'BASE TABLE'",
    )
    const seen: string[] = []
    for (const { name } of tables) {
      if (name === 'users') continue
      for (const row of await app.sql(`SELECT * FROM identsphere.${name}`)) {
        seen.push(JSON.stringify(row))
        for (const value of Object.values(row)) if (Buffer.isBuffer(value)) seen.push(value.toString('latin1'))
      }
    }
    return seen.join('\n')
  }

  it('contains no address, link, code or password, before and after sending', async () => {
    const { client, email } = await signUpAndFollowLink(app, { email: 'reader@example.com' })
    const next = 'next-reader@example.org'
    const browser = app.client()
    await app.client().post('/v1/auth/password/forgot', { email })
    await browser.post('/v1/auth/email-otp/request', { email })
    await app.client().post('/v1/auth/magic-link/request', { email })
    await client.post('/v1/users/me/email', { email: next })
    const waiting = await everything()
    const secrets = [
      tokenIn(await mailTo(app, email, /^Choose a new password$/)),
      tokenIn(await mailTo(app, email, /^Your sign-in link$/)),
      tokenIn(await mailTo(app, next, /^Confirm your new/)),
    ]
    const code = codeIn(await mailTo(app, email, /is your sign-in code$/))
    const sent = await everything()
    for (const text of [waiting, sent]) {
      for (const secret of [...secrets, email, next, password]) assert.ok(!text.includes(secret), secret)
      assert.ok(!new RegExp(`(?<![\\d.a-f-])${code}(?![\\d.a-f-])`).test(text), 'the code')
    }
    const [left] = await app.sql(
      'SELECT count(*)::int AS count FROM identsphere.mail_outbox WHERE sealed_parameters IS NOT NULL',
    )
    assert.equal(left.count, 0, 'wiped once sent')
  })

  it('sends nothing after a rollback', async () => {
    beforeSignIn = () => {
      throw new IdentSphereError('forbidden')
    }
    const email = 'rolled-back@example.com'
    const body = { email, password, organization_name: 'Example Works' }
    assert.equal((await app.client().post('/v1/auth/register', body)).status, 403)
    beforeSignIn = () => {}
    assert.deepEqual(await app.sql('SELECT 1 FROM identsphere.mail_outbox WHERE sent_at IS NULL'), [])
    assert.deepEqual(await mailsTo(app, email), [])
  })

  it('sends no expired code and wipes it', async () => {
    const { client, email } = await signUp(app)
    await mailsTo(app, email)
    await client.post('/v1/auth/reauthenticate/code')
    app.clock.advance(601)
    const subjects = (await mailsTo(app, email)).map(({ subject }) => subject)
    assert.deepEqual(subjects, ['Confirm your e-mail address'])
    const [left] = await app.sql(
      'SELECT count(*)::int AS count FROM identsphere.mail_outbox WHERE sealed_parameters IS NOT NULL',
    )
    assert.equal(left.count, 0)
  })

  it('sends an address five mails an hour and twenty a day, across nodes', async () => {
    const { email } = await signUp(app)
    await mailsTo(app, email)
    const other = await app.node()
    const ask = async () => {
      const answers = await Promise.all(
        Array.from({ length: 12 }, (_, index) =>
          [app, other][index % 2]
            ?.client()
            .post(`/v1/auth/${['password/forgot', 'magic-link/request', 'email-otp/request'][index % 3]}`, { email }),
        ),
      )
      for (const answer of answers) assert.deepEqual([answer?.status, answer?.text], [204, ''])
      await Promise.all([runJobs(app), runJobs(other)])
      await runJobs(app)
    }
    const sent = async () => (await mailsTo(app, email)).length + (await mailsTo(other, email)).length
    const counts: number[] = []
    for (let hour = 0; hour < 6; hour += 1) {
      await ask()
      counts.push(await sent())
      app.clock.advance(3_601)
    }
    assert.deepEqual(counts, [5, 10, 15, 20, 20, 20])
  })

  it('drops and logs what was tampered with', async () => {
    const { email } = await signUp(app)
    await mailsTo(app, email)
    await app.client().post('/v1/auth/magic-link/request', { email })
    await app.sql(`UPDATE identsphere.mail_outbox SET sealed_parameters = sealed_parameters || '\\x00'
      WHERE sent_at IS NULL AND given_up_at IS NULL`)
    const before = (await mailsTo(app, email)).length
    assert.equal((await mailsTo(app, email)).length, before)
    assert.ok(app.log.lines.some((line) => line.startsWith('error') && line.includes('cannot be read')))
  })
})

describe('mail sealed with a newer secret', () => {
  const first = { version: 1, value: randomBytes(32).toString('base64url') }
  const second = { version: 2, value: randomBytes(32).toString('base64url') }
  let oldNode: TestApp
  let newNode: TestApp
  before(async () => {
    oldNode = await startApp({ secrets: [first] })
    newNode = await oldNode.node({ secrets: [second, first], publicBaseUrl: oldNode.url })
  })
  after(() => oldNode.close())

  it('waits for a node that has the secret', async () => {
    const { email } = await signUp(newNode)
    await newNode.client().post('/v1/auth/magic-link/request', { email })
    await runJobs(oldNode)
    assert.deepEqual(await mailsTo(oldNode, email), [])
    await mailTo(newNode, email, /^Confirm your e-mail/)
    await mailTo(newNode, email, /^Your sign-in link$/)
  })
})
