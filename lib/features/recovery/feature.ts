import { defineFeature } from '../../core/feature.js'
import { mailRequests } from '../../core/mail/requests.js'
import { email } from '../email/feature.js'
import { passwords } from '../passwords/feature.js'
import { signIn } from '../sign-in/feature.js'
import { users } from '../users/feature.js'
import { actions } from './actions.js'
import { recoveryRoutes } from './routes.js'
import { createRecovery, passwordReset } from './service.js'

/** Password reset by a mailed link. Without a mailer it has no routes. */
export const recovery = defineFeature<
  null,
  { users: typeof users; signIn: typeof signIn; passwords: typeof passwords; email: typeof email }
>({
  name: 'recovery',
  needs: { users, signIn, passwords, email },
  actions,
  open({ store, journal, outbox, canMail }, services) {
    const service = createRecovery({ store, journal, outbox, ...services, proofs: services.email.proofs })
    return {
      service: null,
      routes: () => (canMail ? recoveryRoutes({ recovery: service, signIn: services.signIn }) : []),
      contributes: [mailRequests.of(passwordReset.handledBy(service.answer))],
    }
  },
})
