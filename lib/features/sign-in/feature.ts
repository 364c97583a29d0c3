import { defineFeature } from '../../core/feature.js'
import { organizations } from '../organizations/feature.js'
import { sessions } from '../sessions/feature.js'
import { actions } from './actions.js'
import { createLoginChallenges } from './challenges.js'
import { type Completion, createCompletion } from './completion.js'
import { createDeviceCookies } from './device-cookie.js'
import { options, type SignInHooks } from './options.js'
import { signInPersonalData } from './personal-data.js'
import { createReauthentication } from './reauthentication.js'
import { signInRoutes } from './routes.js'
import { createSignIn, type SignIn } from './service.js'
import { signInSweeps } from './sweeps.js'

export interface SignInService extends SignIn {
  readonly completion: Completion
}

/** Sign-in: creates a session after the first factor, and if needed a challenge for the second factor. */
export const signIn = defineFeature<
  SignInService,
  { sessions: typeof sessions; organizations: typeof organizations },
  SignInHooks
>({
  name: 'signIn',
  tables: ['mfa_challenges'],
  reads: ['users'],
  needs: { sessions, organizations },
  cookies: { device: { httpOnly: true, path: 'auth' }, flow: { httpOnly: true, path: 'auth' } },
  keyPurposes: ['device', 'mfa'],
  actions,
  options,
  open({ store, keys, journal, contributions }, services, hooks) {
    const { sessions: liveSessions } = services
    const challenges = createLoginChallenges({ store, keys })
    const service = createSignIn({
      store,
      journal,
      ...services,
      challenges,
      devices: createDeviceCookies(keys),
      contributions,
      hooks,
    })
    const completion = createCompletion({ store, journal, challenges, signIn: service })
    const reauthentication = createReauthentication({ store, journal, sessions: liveSessions, contributions })
    return {
      service: { ...service, completion },
      routes: () => signInRoutes({ sessions: liveSessions, reauthentication, contributions }),
      jobs: signInSweeps(store),
      personalData: signInPersonalData,
    }
  },
})
