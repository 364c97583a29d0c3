/**
 * An attacker creates an account with a victim's address in advance.
 *
 * @see GHSA-g38m, CVE-2026-53516; GHSA-qq9h
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { password, signIn, signUp, startApp, type TestApp } from '../../support/app.js'
import type { Answer } from '../../support/client.js'
import { codeIn, mailTo, signUpAndFollowLink, tokenIn } from '../../support/mail.js'

const fresh = 'four-lone-heron-wades-9'

describe('the verification of a mailbox', () => {
  let app: TestApp
  before(async () => {
    app = await startApp()
  })
  after(() => app.close())

  /** The ways in which the owner of a mailbox can verify it. */
  const proofs: Record<string, (email: string) => Promise<{ prove(): Promise<Answer> }>> = {
    async code(email) {
      const browser = app.client()
      await browser.post('/v1/auth/email-otp/request', { email })
      const code = codeIn(await mailTo(app, email, /is your sign-in code$/))
      return { prove: () => browser.post('/v1/auth/email-otp/verify', { email, code }) }
    },
    async link(email) {
      await app.client().post('/v1/auth/magic-link/request', { email })
      const token = tokenIn(await mailTo(app, email, /^Your sign-in link$/))
      return { prove: () => app.client().post('/v1/auth/magic-link/verify', { token }) }
    },
    async reset(email) {
      await app.client().post('/v1/auth/password/forgot', { email })
      const token = tokenIn(await mailTo(app, email, /^Choose a new password$/))
      return { prove: () => app.client().post('/v1/auth/password/reset', { token, new_password: fresh }) }
    },
  }

  for (const [name, begin] of Object.entries(proofs)) {
    it(`by ${name} removes everything of a creator who never verified it`, async () => {
      const maker = await signUp(app, { email: `victim-by-${name}@example.com` })
      const { email, userId, organizationId } = maker
      const second = await signIn(app, email)
      await maker.client.patch('/v1/users/me', { display_name: 'Your Bank', bio: 'Call me' })
      const verification = tokenIn(await mailTo(app, email, /^Confirm your e-mail/))
      await maker.client.post('/v1/users/me/email', { email: `thief-by-${name}@example.org` })
      const change = tokenIn(await mailTo(app, `thief-by-${name}@example.org`, /^Confirm your new/))

      const answer = await (await begin(email)).prove()
      assert.equal(answer.status, 200, answer.text)
      assert.deepEqual([answer.body.user.user_id, answer.body.user.organization_id], [userId, null])
      assert.equal(answer.body.user.display_name, null)
      for (const client of [maker.client, second]) {
        assert.equal((await client.get('/v1/auth/session')).status, 401)
        assert.equal((await client.post('/v1/auth/refresh')).status, 401)
      }
      assert.equal((await app.client().post('/v1/auth/login', { email, password })).status, 401)
      assert.deepEqual(
        await app.sql('SELECT 1 FROM identsphere.organization_memberships WHERE organization_id = $1', [
          organizationId,
        ]),
        [],
      )
      const open = await app.sql(
        'SELECT kind FROM identsphere.email_challenges WHERE user_id = $1 AND consumed_at IS NULL',
        [userId],
      )
      assert.deepEqual(open, [])
      for (const [path, token] of [
        ['verify', verification],
        ['confirm', change],
      ]) {
        assert.equal((await maker.client.post(`/v1/auth/email/${path}`, { token, password })).status, 401, path)
      }
    })

    it(`by ${name} keeps everything of a user who verified it before`, async () => {
      const { client, email, organizationId } = await signUpAndFollowLink(app)
      const answer = await (await begin(email)).prove()
      assert.equal(answer.body.user.organization_id, organizationId)
      const keptPassword = name === 'reset' ? fresh : password
      await signIn(app, email, keptPassword)
      assert.equal((await client.get('/v1/auth/session')).status, name === 'reset' ? 401 : 200)
    })
  }

  it('leaves the creator no live session, even if they sign in meanwhile', async () => {
    const maker = await signUp(app, { email: 'victim-in-a-race@example.com' })
    const { prove } = (await proofs.code?.(maker.email)) ?? assert.fail()
    const logins = Array.from({ length: 10 }, async () => {
      const client = app.client()
      await client.post('/v1/auth/login', { email: maker.email, password })
      return client
    })
    const [proven, ...clients] = await Promise.all([prove(), ...logins])
    assert.equal(proven.status, 200)
    for (const client of [maker.client, ...clients]) {
      assert.equal((await client.get('/v1/auth/session')).status, 401)
    }
  })

  it('by code and link simultaneously claims the account once', async () => {
    const maker = await signUp(app, { email: 'victim-of-two@example.com' })
    const { email, userId } = maker
    const begun = [await proofs.code?.(email), await proofs.link?.(email)]
    const answers = await Promise.all(begun.map((one) => one?.prove()))
    assert.equal(answers.filter((answer) => answer?.status === 200).length, 1)
    const rows = await app.sql(
      "SELECT 1 FROM identsphere.audit_logs WHERE action = 'users.taken_over' AND subject_id = $1",
      [userId],
    )
    assert.equal(rows.length, 1)
  })
})
