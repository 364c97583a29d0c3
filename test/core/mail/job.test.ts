/** The job that handles mail requests and sends mail, with a slow or broken part. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { createKeyRing } from '../../../lib/core/crypto/key-ring.js'
import { createMailJob } from '../../../lib/core/mail/job.js'
import type { MailMessage } from '../../../lib/core/mail/message.js'
import { createOutbox, mailQueue } from '../../../lib/core/mail/outbox.js'
import { mailRequest, mailRequests } from '../../../lib/core/mail/requests.js'
import { defaultTemplates, type MailTemplates } from '../../../lib/core/mail/templates.js'
import type { Store } from '../../../lib/core/store/store.js'
import { startApp, type TestApp } from '../../support/app.js'
import { storeOf } from '../../support/built.js'

const keys = createKeyRing([{ version: 1, value: randomBytes(32).toString('base64url') }], ['sealing'])
const something = mailRequest<object>('something')
const queue = mailQueue(keys)
const outbox = createOutbox({ queue, enabled: true, wake: () => {} })
const never = new AbortController().signal

describe('the mail job', () => {
  let app: TestApp
  let store: Store
  before(async () => {
    app = await startApp()
    await app.identsphere.ready()
    store = storeOf(app)
  })
  after(() => app.close())

  function jobWith(parts: {
    send?: (message: MailMessage) => Promise<void>
    templates?: Partial<MailTemplates>
    decide?: () => Promise<void>
  }) {
    const { send = async () => {}, templates = {}, decide = async () => {} } = parts
    return createMailJob({
      store,
      clock: app.clock,
      queue,
      transport: { send, close: async () => {} },
      templates: { ...defaultTemplates, ...templates },
      contributions: (point) => (point === mailRequests ? [something.handledBy(decide)] : []) as never,
      from: 'no-reply@example.com',
      domain: 'example.com',
      logger: app.log,
      sendTimeoutMs: 50,
    })
  }
  const write = (email: string) =>
    store.transaction((tx) =>
      outbox.send(tx, { template: 'accountErased', to: { userId: null, email }, parameters: {} }),
    )
  const waiting = async () =>
    (await app.sql('SELECT 1 FROM identsphere.mail_outbox WHERE sent_at IS NULL AND given_up_at IS NULL')).length

  for (const [what, parts] of Object.entries({
    'a mailer that never answers': { send: () => new Promise<void>(() => {}) },
    'a template that never ends': { templates: { accountErased: () => new Promise<never>(() => {}) } },
  })) {
    it(`waits for ${what} up to the timeout and tries the mail again later`, {
      timeout: 20_000,
    }, async () => {
      await write('waited-for@example.com')
      await jobWith(parts).run(never)
      assert.equal(await waiting(), 1)
      app.clock.advance(61)
      const sent: string[] = []
      await jobWith({ send: async ({ to }) => void sent.push(to) }).run(never)
      assert.deepEqual(sent, ['waited-for@example.com'])
      assert.equal(await waiting(), 0)
    })
  }

  it('handles many requests in one round, so that a flood delays little', async () => {
    const flood = 40
    await store.transaction(async (tx) => {
      for (let asked = 0; asked < flood; asked += 1) await outbox.request(tx, something, {})
    })
    let decided = 0
    await jobWith({
      decide: async () => {
        decided += 1
      },
    }).run(never)
    assert.equal(decided, flood)
  })
})
