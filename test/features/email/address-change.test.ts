/** What an attacker gains with a session or with a link, but not with both. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import pg from 'pg'
import { password, signIn, startApp, type TestApp } from '../../support/app.js'
import type { Client } from '../../support/client.js'
import { mailsTo, mailTo, runJobs, signUpAndFollowLink, tokenIn } from '../../support/mail.js'
import { enrol } from '../../support/mfa.js'
import { newPerson } from '../../support/people.js'

const undoSubject = /address of your account was changed$/
let places = 0

describe('an address change', () => {
  let app: TestApp
  before(async () => {
    app = await startApp()
  })
  after(() => app.close())

  const emailOf = async (userId: string) =>
    (await app.sql('SELECT email FROM identsphere.users WHERE id = $1', [userId]))[0].email
  const confirm = (client: Client, body: object) => client.post('/v1/auth/email/confirm', body)
  const undo = (token: string) => app.client().post('/v1/auth/email/undo', { token })

  function somewhere(): string {
    places += 1
    return `place${places}@example.org`
  }

  async function asked(client: Client, to = somewhere()) {
    assert.equal((await client.post('/v1/users/me/email', { email: to })).status, 204)
    return { to, token: tokenIn(await mailTo(app, to, /^Confirm your new/)) }
  }

  async function moved(client: Client, from: string) {
    const { to, token } = await asked(client)
    assert.equal((await confirm(client, { token })).status, 204)
    return { to, undoToken: tokenIn(await mailTo(app, from, undoSubject)) }
  }

  /** @see GHSA-g38m, CVE-2026-53516: the same attack by registration */
  it('gives an attacker no address of a victim who follows the link', async () => {
    const attacker = await signUpAndFollowLink(app)
    const { to, token } = await asked(attacker.client)
    const bystander = await newPerson(app)
    for (const victim of [app.client(), bystander.client]) {
      const answer = await confirm(victim, { token })
      assert.deepEqual([answer.status, answer.body.error.code], [401, 'reauthentication_required'])
    }
    const guessed = await confirm(app.client(), { token, password: `${password}x` })
    assert.equal(guessed.body.error.code, 'invalid_credentials')
    assert.equal(await emailOf(attacker.userId), attacker.email)
    assert.equal((await newPerson(app, { email: to })).email, to, 'the address is still free')
  })

  it('is confirmed by password if the user has no session', async () => {
    const { client, userId } = await signUpAndFollowLink(app)
    const { to, token } = await asked(client)
    assert.equal((await confirm(app.client(), { token, password })).status, 204)
    assert.equal(await emailOf(userId), to)
    assert.equal((await client.get('/v1/auth/session')).status, 401)
  })

  it('happens once if ten requests confirm it simultaneously', async () => {
    const { client } = await signUpAndFollowLink(app)
    const { token } = await asked(client)
    const answers = await Promise.all(Array.from({ length: 10 }, () => confirm(app.client(), { token, password })))
    assert.equal(answers.filter(({ status }) => status === 204).length, 1)
  })

  it('happens once if requested twice, with either link', async () => {
    for (const first of [0, 1]) {
      const { client, userId } = await signUpAndFollowLink(app)
      const changes = [await asked(client), await asked(client)]
      const [chosen, other] = first === 0 ? changes : changes.reverse()
      assert.equal((await confirm(client, { token: chosen?.token })).status, 204)
      assert.equal((await confirm(client, { token: other?.token })).status, 401)
      assert.equal(await emailOf(userId), chosen?.to)
    }
  })

  it('mails no undo link to a mistyped address that was never verified', async () => {
    const { client, email } = await newPerson(app)
    const { token } = await asked(client)
    assert.equal((await confirm(client, { token })).status, 204)
    const told = (await mailsTo(app, email)).filter(({ subject }) => undoSubject.test(subject))
    assert.deepEqual(told, [])
  })

  it('can be undone once, ending all sessions, links and the password', async () => {
    const { client, email, userId } = await signUpAndFollowLink(app)
    const { to, undoToken } = await moved(client, email)
    const other = await signIn(app, to)
    await app.client().post('/v1/auth/password/forgot', { email: to })
    const reset = tokenIn(await mailTo(app, to, /^Choose a new password/))
    const answers = await Promise.all(Array.from({ length: 10 }, () => undo(undoToken)))
    assert.equal(answers.filter(({ status }) => status === 204).length, 1)
    assert.equal(await emailOf(userId), email)
    for (const browser of [client, other]) assert.equal((await browser.get('/v1/auth/session')).status, 401)
    for (const address of [email, to]) {
      assert.equal((await app.client().post('/v1/auth/login', { email: address, password })).status, 401)
    }
    const late = { token: reset, new_password: 'four-lone-heron-wades-9' }
    assert.equal((await app.client().post('/v1/auth/password/reset', late)).status, 401)
  })

  it('can be undone from the first address after further changes', async () => {
    const { client, email, userId } = await signUpAndFollowLink(app)
    const first = await moved(client, email)
    const second = await moved(client, first.to)
    assert.equal((await undo(first.undoToken)).status, 204)
    assert.equal(await emailOf(userId), email)
    assert.equal((await undo(second.undoToken)).status, 401, "the attacker's own undo link is void")
  })

  it('can be undone from the first address after a later undo', async () => {
    const { client, email, userId } = await signUpAndFollowLink(app)
    const first = await moved(client, email)
    const second = await moved(client, first.to)
    assert.equal((await undo(second.undoToken)).status, 204)
    assert.equal(await emailOf(userId), first.to)
    assert.equal((await undo(first.undoToken)).status, 204)
    assert.equal(await emailOf(userId), email)
  })

  it('can be undone after a reset that began before the change', async () => {
    const { client, email, userId } = await signUpAndFollowLink(app)
    const { to, token } = await asked(client)
    await app.client().post('/v1/auth/password/forgot', { email: to })
    const holder = new pg.Client({ connectionString: app.databaseUrl })
    await holder.connect()
    await holder.query('BEGIN; LOCK TABLE identsphere.budgets IN ACCESS EXCLUSIVE MODE')
    const deciding = runJobs(app)
    const blocked = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%budgets%'"
    while ((await app.sql(blocked)).length === 0) await new Promise((resolve) => setImmediate(resolve))
    assert.equal((await confirm(client, { token })).status, 204)
    await holder.query('COMMIT')
    await holder.end()
    await deciding
    const reset = {
      token: tokenIn(await mailTo(app, to, /^Choose a new password/)),
      new_password: 'four-lone-heron-wades-9',
    }
    assert.equal((await app.client().post('/v1/auth/password/reset', reset)).status, 200)
    assert.equal((await undo(tokenIn(await mailTo(app, email, undoSubject)))).status, 204)
    assert.equal(await emailOf(userId), email)
  })

  it('deletes newer recovery codes when undone, but keeps the older factor', async () => {
    const person = await enrol(app, await signUpAndFollowLink(app))
    const { client, email, userId } = person
    const { undoToken } = await moved(client, email)
    assert.equal((await client.post('/v1/auth/mfa/recovery-codes', { password })).status, 200)
    assert.equal((await undo(undoToken)).status, 204)
    assert.deepEqual(await app.sql('SELECT 1 FROM identsphere.user_recovery_codes WHERE user_id = $1', [userId]), [])
    const factors = await app.sql('SELECT 1 FROM identsphere.mfa_factors WHERE user_id = $1', [userId])
    assert.equal(factors.length, 1)
  })

  it('keeps the old address from being registered, even during the change', async () => {
    const { client, email, userId } = await signUpAndFollowLink(app)
    const { token } = await asked(client)
    const body = { email, password, organization_name: 'In the way' }
    const register = () => app.client().post('/v1/auth/register', body)
    const [changed, ...during] = await Promise.all([
      confirm(client, { token }),
      ...Array.from({ length: 10 }, register),
    ])
    assert.equal(changed?.status, 204)
    for (const answer of [...during, await register()]) assert.equal(answer.status, 409)
    const undoToken = tokenIn(await mailTo(app, email, undoSubject))
    assert.equal((await undo(undoToken)).status, 204)
    assert.equal(await emailOf(userId), email)
  })

  it('releases the old address once the undo link has expired', async () => {
    const { client, email } = await signUpAndFollowLink(app)
    await moved(client, email)
    app.clock.advance(7 * 86_400 + 1)
    assert.equal((await newPerson(app, { email })).email, email)
  })
})
