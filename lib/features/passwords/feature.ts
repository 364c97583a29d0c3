import { defineFeature } from '../../core/feature.js'
import { passwordText } from '../../core/http/fields.js'
import { mfa } from '../mfa/feature.js'
import { sessions } from '../sessions/feature.js'
import { reauthenticationMethods } from '../sign-in/extension-points.js'
import { signIn } from '../sign-in/feature.js'
import { importChecks } from '../users/api.js'
import { users } from '../users/feature.js'
import { actions } from './actions.js'
import { createPasswordHasher } from './hasher.js'
import { createHashingQueue } from './hashing-queue.js'
import { options, type PasswordSettings } from './options.js'
import { createPasswordPolicy } from './password-policy.js'
import { passwordRoutes } from './routes.js'
import { createPasswords, type Passwords } from './service.js'

export interface PasswordService extends Passwords {
  readonly minLength: number
  /** Passwords that wait for hashing in this process. */
  waitingHashes(): number
}

/** Sign-in with a password, and change of the password. */
export const passwords = defineFeature<
  PasswordService,
  { users: typeof users; sessions: typeof sessions; signIn: typeof signIn; mfa: typeof mfa },
  PasswordSettings
>({
  name: 'passwords',
  needs: { users, sessions, signIn, mfa },
  keyPurposes: ['budget'],
  actions,
  options,
  open({ store, clock, keys, journal }, services, { minLength, refuse, argon2 }) {
    const queue = createHashingQueue()
    const service = createPasswords({
      store,
      clock,
      keys,
      journal,
      ...services,
      hasher: createPasswordHasher({ queue, argon2 }),
      policy: createPasswordPolicy({ minLength, ...(refuse && { refuse }) }),
    })
    return {
      service: { ...service, minLength, waitingHashes: () => queue.depth },
      routes: () => passwordRoutes({ passwords: service, signIn: services.signIn, sensitive: services.mfa.sensitive }),
      contributes: [
        reauthenticationMethods.of({ field: 'password', schema: passwordText, prove: service.proveBySession }),
        importChecks.of(service.checkImport),
      ],
      close: () => queue.close(),
    }
  },
})
