/** A mailed link works for one purpose, once, and not after the account has changed. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { password, signIn, signUp, startApp, type TestApp } from '../../support/app.js'
import type { Client } from '../../support/client.js'
import { codeIn, mailsTo, mailTo, signUpAndFollowLink, tokenIn } from '../../support/mail.js'

const fresh = 'four-lone-heron-wades-9'
const kinds = ['verify', 'reset', 'magic', 'change', 'undo'] as const
type Kind = (typeof kinds)[number]

const entrances: Record<Kind, { path: string; with: object; done: number }> = {
  verify: { path: '/v1/auth/email/verify', with: {}, done: 200 },
  reset: { path: '/v1/auth/password/reset', with: { new_password: fresh }, done: 200 },
  magic: { path: '/v1/auth/magic-link/verify', with: {}, done: 200 },
  change: { path: '/v1/auth/email/confirm', with: {}, done: 204 },
  undo: { path: '/v1/auth/email/undo', with: {}, done: 204 },
}

describe('a mailed link', () => {
  let app: TestApp
  before(async () => {
    app = await startApp()
  })
  after(() => app.close())

  async function reset(email: string): Promise<string> {
    await app.client().post('/v1/auth/password/forgot', { email })
    return tokenIn(await mailTo(app, email, /^Choose a new password$/))
  }
  async function magic(email: string): Promise<string> {
    await app.client().post('/v1/auth/magic-link/request', { email })
    return tokenIn(await mailTo(app, email, /^Your sign-in link$/))
  }
  async function change(client: Client, to: string): Promise<string> {
    await client.post('/v1/users/me/email', { email: to })
    return tokenIn(await mailTo(app, to, /^Confirm your new/))
  }

  /** A link of this kind, and the browser of its user. */
  async function linkOf(kind: Kind): Promise<{ client: Client; token: string }> {
    if (kind === 'verify') {
      const { client, email } = await signUp(app)
      return { client, token: tokenIn(await mailTo(app, email, /^Confirm your e-mail/)) }
    }
    const { client, email } = await signUpAndFollowLink(app)
    if (kind === 'reset') return { client, token: await reset(email) }
    if (kind === 'magic') return { client, token: await magic(email) }
    const token = await change(client, `moved-${email}`)
    if (kind === 'change') return { client, token }
    await client.post(entrances.change.path, { token })
    return { client, token: tokenIn(await mailTo(app, email, /was changed$/)) }
  }

  const enter = (kind: Kind, client: Client, token: string) =>
    client.post(entrances[kind].path, { token, ...entrances[kind].with })

  for (const kind of kinds) {
    it(`of kind ${kind} works once, for one purpose, despite GET and HEAD`, async () => {
      const { client, token } = await linkOf(kind)
      for (const other of kinds.filter((one) => one !== kind)) {
        const answer = await enter(other, client, token)
        assert.deepEqual([answer.status, answer.body.error.code], [401, 'invalid_credentials'], other)
      }
      for (const { path } of Object.values(entrances)) {
        await client.get(`${path}?token=${token}`)
        await client.send('HEAD', `${path}?token=${token}`)
      }
      const answers = await Promise.all(Array.from({ length: 10 }, () => enter(kind, client, token)))
      const { done } = entrances[kind]
      assert.deepEqual(answers.map(({ status }) => status).sort(), [done, ...Array(9).fill(401)])
    })

    it(`of kind ${kind} expires`, async () => {
      const { client, token } = await linkOf(kind)
      await app.sql('UPDATE identsphere.email_challenges SET expires_at = now() WHERE consumed_at IS NULL')
      assert.equal((await enter(kind, client, token)).status, 401)
    })
  }

  /** @see https://github.com/supabase/auth/pull/1489 */
  const events: Record<string, (person: { client: Client; email: string; userId: string }) => Promise<unknown>> = {
    'a password change': ({ client }) =>
      client.post('/v1/users/me/password', { current_password: password, new_password: fresh }),
    'a reset': async ({ email }) => enter('reset', app.client(), await reset(email)),
    'an address change': async ({ client, email }) =>
      enter('change', client, await change(client, `elsewhere-${email}`)),
    'disabling and enabling the user': async ({ userId }) => {
      await app.identsphere.api.users.disable(userId)
      await app.identsphere.api.users.enable(userId)
    },
    'the end of all sessions': ({ userId }) => app.identsphere.api.sessions.revokeAll(userId),
    erasure: ({ client }) => client.delete('/v1/users/me'),
  }
  for (const [name, happen] of Object.entries(events)) {
    it(`is void after ${name}, and so is a mailed code`, async () => {
      const person = await signUpAndFollowLink(app)
      const { email } = person
      const links = { reset: await reset(email), magic: await magic(email) }
      const browser = app.client()
      await browser.post('/v1/auth/email-otp/request', { email })
      const code = codeIn(await mailTo(app, email, /is your sign-in code$/))
      await happen(person)
      assert.equal((await enter('magic', app.client(), links.magic)).status, 401)
      assert.equal((await enter('reset', app.client(), links.reset)).status, 401)
      assert.equal((await browser.post('/v1/auth/email-otp/verify', { email, code })).status, 401)
    })
  }

  it('signs no disabled user in, and is not mailed to one', async () => {
    const { email, userId } = await signUpAndFollowLink(app)
    const token = await magic(email)
    await app.identsphere.api.users.disable(userId)
    assert.equal((await enter('magic', app.client(), token)).status, 401)
    const before = (await mailsTo(app, email)).length
    for (const path of ['password/forgot', 'magic-link/request', 'email-otp/request']) {
      assert.equal((await app.client().post(`/v1/auth/${path}`, { email })).status, 204)
    }
    assert.equal((await mailsTo(app, email)).length, before)
  })

  /** @see CVE-2026-18963, Keycloak: a reset was completed without its mail */
  it('is required for a reset, even with read access to the database', async () => {
    const { client, email } = await signUpAndFollowLink(app)
    const path = '/v1/auth/password/reset'
    const [new_password, stranger] = ['correct-horse-battery-9', app.client()]
    const asked = await stranger.post('/v1/auth/password/forgot', { email })
    assert.equal(asked.headers['set-cookie'], undefined)
    await mailTo(app, email, /^Choose a new password$/)
    const [row] = await app.sql(
      "SELECT id, secret_hash, email_key FROM identsphere.email_challenges WHERE kind = 'reset' ORDER BY created_at DESC",
    )
    const known = [row.id, row.secret_hash.toString('base64url'), row.secret_hash.toString('hex'), email]
    for (const token of [
      ...known,
      row.email_key.toString('base64url'),
      client.cookie('csrf'),
      client.cookie('at'),
      'null',
    ]) {
      for (const one of [stranger, client]) {
        const answer = await one.post(path, { token, new_password })
        assert.ok([400, 401].includes(answer.status), `${token}: ${answer.text}`)
      }
    }
    for (const token of ['', null, {}, [], 0, true, undefined]) {
      assert.equal((await stranger.post(path, { token, new_password })).status, 400)
    }
    await signIn(app, email)
  })

  /** @see CVE-2026-29067, Zitadel; CVE-2025-71401, better-auth */
  it('leads to publicBaseUrl regardless of request headers, also in parallel', async () => {
    const hostile = [
      { host: 'evil.example' },
      { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' },
      { forwarded: 'host=evil.example;proto=https' },
      { 'x-original-host': 'evil.example', 'x-forwarded-server': 'evil.example', 'x-forwarded-prefix': '/evil' },
    ]
    const people = await Promise.all([...hostile, {}].map(() => signUp(app)))
    await Promise.all(
      people.map(({ email }, index) =>
        app.client().post('/v1/auth/magic-link/request', { email }, { headers: { ...hostile[index] } }),
      ),
    )
    for (const { email } of people) {
      const { text, html } = await mailTo(app, email, /^Your sign-in link$/)
      const [link = ''] = /http\S+/.exec(text) ?? []
      assert.ok(link.startsWith(`${app.url}/v1/pages/sign-in-link#token=`), link)
      assert.doesNotMatch(`${text}${html}`, /evil/)
    }
  })
})
