/** Notices of account events. The address may belong to a stranger. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { password, type signUp, startApp, type TestApp } from '../../support/app.js'
import { mailsTo, signUpAndFollowLink } from '../../support/mail.js'
import { newPerson } from '../../support/people.js'

describe('notices', () => {
  let app: TestApp
  before(async () => {
    app = await startApp()
  })
  after(() => app.close())

  async function changePasswords({ client, email }: Awaited<ReturnType<typeof signUp>>, times: number) {
    for (let change = 0; change < times; change += 1) {
      const [current, next] = change % 2 === 0 ? [password, `${password}-2`] : [`${password}-2`, password]
      const answer = await client.post('/v1/users/me/password', { current_password: current, new_password: next })
      assert.equal(answer.status, 204)
    }
    return (await mailsTo(app, email)).length
  }

  it('to an unverified address count towards its mail limit', async () => {
    assert.equal(await changePasswords(await newPerson(app), 8), 5)
  })

  it('to a verified address are all sent', async () => {
    assert.equal(await changePasswords(await signUpAndFollowLink(app), 8), 9)
  })
})
