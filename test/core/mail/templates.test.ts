/** User input in mails. Security tests 12 and 14. */
import assert from 'node:assert/strict'
import { after, before, describe, it, test } from 'node:test'
import type { MailMessage } from '../../../lib/core/mail/message.js'
import { defaultTemplates, type MailName } from '../../../lib/core/mail/templates.js'
import { password, startApp, type TestApp } from '../../support/app.js'
import { runJobs } from '../../support/mail.js'

const hostile = `</title><img src=x onerror="alert(1)">'&amp;<a href='https://evil.example'>`

/** Returns hostile text for every parameter, so that later templates are covered too. */
const parameters = new Proxy({}, { get: (_target, name) => (name === 'expiresInSeconds' ? 60 : hostile) })

/** @see CVE-2022-1274, Keycloak: markup in mails */
test('escapes every parameter in every built-in mail', async () => {
  for (const name of Object.keys(defaultTemplates) as MailName[]) {
    const template = defaultTemplates[name] as (given: unknown, to: unknown) => { html?: string }
    const { html = '' } = template(parameters, { userId: null, email: hostile })
    assert.doesNotMatch(html, /<img|onerror="|evil\.example'>|<a href='/, name)
    assert.equal(html.match(/<title>/g)?.length, 1, name)
    assert.equal(html.match(/<\/title>/g)?.length, 1, name)
  }
})

describe('a mail sent or written by the host', () => {
  const sent: MailMessage[] = []
  const told: unknown[] = []
  let app: TestApp
  before(async () => {
    app = await startApp({
      mailer: {
        from: 'Example <no-reply@example.com>',
        sendMail: (message) => void sent.push(message),
        templates: {
          signInLink: async (given, to) => {
            told.push({ given, to })
            return { subject: `Hello\r\nBcc: ${to.email}\u2028\u0000x`, text: given.link }
          },
        },
      },
    })
  })
  after(() => app.close())

  it('has one recipient, a one-line subject and no header from user input', async () => {
    const email = 'a+b=c@example.com'
    const display_name = 'Eve\r\nBcc: evil@example.com'
    const body = { email, password, display_name, organization_name: 'Example Works' }
    assert.equal((await app.client().post('/v1/auth/register', body)).status, 201)
    await app.client().post('/v1/auth/magic-link/request', { email })
    await runJobs(app)
    assert.equal(sent.length, 2)
    for (const message of sent) {
      assert.equal(message.to, email)
      assert.doesNotMatch(message.subject, /[\p{Cc}\p{Zl}\p{Zp}]/u)
      assert.deepEqual(
        Object.keys(message).filter((key) => !['messageId', 'from', 'to', 'subject', 'text', 'html'].includes(key)),
        [],
      )
    }
    assert.match(JSON.stringify(told), /#token=[\w-]{43}/)
  })

  it('is never requested for a list of addresses, at any endpoint', async () => {
    sent.length = 0
    for (const email of [
      'a@example.com,b@example.com',
      'a@example.com;b@example.com',
      'a@example.com\r\nBcc: b@example.com',
      '"a@example.com" <b@example.com>',
      ['a@example.com', 'b@example.com'],
      { address: 'a@example.com' },
    ]) {
      for (const path of ['password/forgot', 'email-otp/request', 'magic-link/request', 'register']) {
        const body = path === 'register' ? { email, password, organization_name: 'Example Works' } : { email }
        assert.equal((await app.client().post(`/v1/auth/${path}`, body)).status, 400, path)
      }
    }
    await runJobs(app)
    assert.deepEqual(sent, [])
  })
})
