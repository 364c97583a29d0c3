import { defineFeature } from '../../core/feature.js'
import { mailRequests } from '../../core/mail/requests.js'
import { email } from '../email/feature.js'
import { verificationLinks } from '../email/verification.js'
import { organizations } from '../organizations/feature.js'
import { passwords } from '../passwords/feature.js'
import { signIn } from '../sign-in/feature.js'
import { users } from '../users/feature.js'
import { actions } from './actions.js'
import { options, type RegistrationSettings } from './options.js'
import { registrationRoutes } from './routes.js'
import { createRegistration, keptRegistration, type Registration } from './service.js'

/** Registration of new accounts, immediately or after the verification of the address. */
export const registration = defineFeature<
  Registration,
  {
    users: typeof users
    organizations: typeof organizations
    signIn: typeof signIn
    passwords: typeof passwords
    email: typeof email
  },
  RegistrationSettings
>({
  name: 'registration',
  needs: { users, organizations, signIn, passwords, email },
  actions,
  options,
  open({ store, journal, outbox, links }, services, settings) {
    const service = createRegistration({ store, journal, outbox, links, ...services, settings })
    return {
      service,
      routes: () => registrationRoutes({ registration: service, signIn: services.signIn, settings }),
      contributes: [
        mailRequests.of(keptRegistration.handledBy(service.answer)),
        verificationLinks.of({ kind: 'register', complete: service.complete }),
      ],
    }
  },
})
