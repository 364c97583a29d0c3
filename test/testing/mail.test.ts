/** `identsphere.mail`: the captured mail, for a host's own tests. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import express from 'express'
import { createTestIdentSphere, type TestIdentSphere } from '../../lib/testing/index.js'
import { Client } from '../support/client.js'

describe('identsphere.mail', () => {
  let identsphere: TestIdentSphere
  let url: string
  let close: () => void
  before(async () => {
    identsphere = await createTestIdentSphere()
    const server = express().use(identsphere.router()).listen(0, 'localhost')
    await new Promise((resolve) => server.once('listening', resolve))
    url = `http://localhost:${(server.address() as { port: number }).port}`
    close = () => server.close()
  })
  after(async () => {
    close?.()
    await identsphere?.close()
  })

  it('contains the mail of each answered request until a reset', async () => {
    const { user } = await identsphere.signedIn({ email: 'ada@example.com' })
    await new Client(url).post('/v1/auth/password/forgot', { email: user.email })
    const mail = await identsphere.mail.lastTo('ada@example.com')
    assert.match(mail.text, /#token=[\w-]+/)
    assert.equal((await identsphere.mail.all())[0]?.messageId, mail.messageId)
    await identsphere.reset()
    assert.deepEqual(await identsphere.mail.all(), [])
  })

  it('rejects if there is no mail to an address', async () => {
    await assert.rejects(identsphere.mail.lastTo('nobody@example.com'), /no mail to nobody@example\.com/)
  })

  it('rejects if the host has its own mailer, which gets the mail', async () => {
    const own = await createTestIdentSphere({ mailer: { from: 'a@example.com', sendMail: () => {} } })
    try {
      await assert.rejects(own.mail.all(), /mailer/)
    } finally {
      await own.close()
    }
  })
})
