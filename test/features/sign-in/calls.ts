import { password } from '../../support/app.js'
import type { Calls } from '../../support/calls.js'
import { answerAt, personWithPasskey } from '../../support/passkeys.js'
import { nativeClient, newPerson } from '../../support/people.js'

export const calls: Calls = {
  async 'POST /v1/auth/reauthenticate'(app) {
    const path = '/v1/auth/reauthenticate'
    const { client } = await newPerson(app)
    const { client: other, authenticator } = await personWithPasskey(app)
    const passkey = await answerAt(app, other, authenticator, '/v1/auth/mfa/verify/passkey/begin')
    return [
      { client, path, options: { body: { password } }, status: 200 },
      { client: other, path, options: { body: { passkey } }, status: 200 },
      { client: await nativeClient(app), path, options: { body: { password, purpose: 'mfa_setup' } }, status: 200 },
    ]
  },
}
