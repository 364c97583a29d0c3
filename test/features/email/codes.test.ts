/** Six digits: protection against guessing, and against strangers who use up the attempts. Security test 62. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startApp, type TestApp } from '../../support/app.js'
import type { Client } from '../../support/client.js'
import { codeIn, mailsTo, mailTo, signUpAndFollowLink } from '../../support/mail.js'
import { newPerson } from '../../support/people.js'

describe('a mailed code', () => {
  let app: TestApp
  before(async () => {
    app = await startApp()
  })
  after(() => app.close())

  const ask = (browser: Client, email: string) => browser.post('/v1/auth/email-otp/request', { email })
  const enter = (browser: Client, email: string, code: string) =>
    browser.post('/v1/auth/email-otp/verify', { email, code })
  const newest = async (email: string) => codeIn(await mailTo(app, email, /is your sign-in code$/))
  const otherThan = (code: string) => (code === '000000' ? '000001' : '000000')

  /** A code for a verified user. Claiming an unverified account would hide that a code worked twice. */
  async function asked() {
    const { email } = await signUpAndFollowLink(app)
    const browser = app.client()
    await ask(browser, email)
    return { email, browser, code: await newest(email) }
  }

  it('works once if twenty browsers and tabs use it simultaneously', async () => {
    const { email, browser, code } = await asked()
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => enter(index % 2 === 0 ? browser : app.client(), email, code)),
    )
    assert.equal(answers.filter(({ status }) => status === 200).length, 1)
  })

  /** @see https://github.com/better-auth/better-auth/issues/8067 */
  it('voids the older code of the same browser, but not of others', async () => {
    const { email, browser, code } = await asked()
    const stranger = app.client()
    await ask(stranger, email)
    await mailsTo(app, email)
    await ask(browser, email)
    const second = await newest(email)
    assert.equal((await enter(browser, email, code === second ? otherThan(second) : code)).status, 401)
    assert.equal((await enter(browser, email, second)).status, 200)

    const other = await asked()
    await ask(stranger, other.email)
    await mailsTo(app, other.email)
    assert.equal((await enter(other.browser, other.email, other.code)).status, 200)
  })

  it('allows its own browser five attempts, even one by one', async () => {
    const { email, browser, code } = await asked()
    for (let miss = 0; miss < 5; miss += 1) {
      assert.equal((await enter(browser, email, otherThan(code))).status, 401)
    }
    assert.equal((await enter(browser, email, code)).status, 401)
    assert.equal((await enter(app.client(), email, code)).status, 401, 'nor for another browser')
  })

  it('survives failed attempts of strangers and counts at most twenty a day', async () => {
    const { email, browser, code } = await asked()
    await Promise.all(Array.from({ length: 30 }, () => enter(app.client(), email, otherThan(code))))
    const [budget] = await app.sql(
      "SELECT count FROM identsphere.budgets WHERE key LIKE 'code:%:stray' ORDER BY window_ends_at DESC LIMIT 1",
    )
    assert.equal(Number(budget.count), 20)
    assert.equal((await enter(app.client(), email, code)).status, 401)
    assert.equal((await enter(browser, email, code)).status, 200)
  })

  it('does not work for another address', async () => {
    const { browser, code } = await asked()
    const other = await newPerson(app)
    assert.equal((await enter(browser, other.email, code)).status, 401)
  })

  it('is stored as an HMAC that differs for equal codes', async () => {
    const { email, code } = await asked()
    await ask(app.client(), email)
    await mailsTo(app, email)
    const rows = await app.sql('SELECT t::text AS row, secret_hash FROM identsphere.email_challenges t')
    for (const { row, secret_hash } of rows) {
      assert.ok(!row.replace(/[0-9a-f-]{36}|\\x[0-9a-f]+|\d{4}-\d\d-\d\d [\d:.+]+/g, '').includes(code))
      assert.equal(secret_hash.length, 32)
    }
    assert.equal(new Set(rows.map(({ secret_hash }) => secret_hash.toString('hex'))).size, rows.length)
  })
})
