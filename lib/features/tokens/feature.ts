import { defineFeature } from '../../core/feature.js'
import { type AccessTokens, createAccessTokens } from './access-tokens.js'
import { actions } from './actions.js'
import { options, type TokenSettings } from './options.js'
import { revokeKey } from './revoked-keys.js'
import { tokenRoutes } from './routes.js'

export interface Tokens {
  readonly accessTokens: AccessTokens
  readonly settings: TokenSettings
}

export interface TokenMembers {
  /** For emergencies: every node refuses tokens signed with this key, from the next request on. */
  revokeSigningKey(kid: string): Promise<void>
}

/** Access tokens and their signing keys. */
export const tokens = defineFeature<Tokens, Record<never, never>, TokenSettings>({
  name: 'tokens',
  tables: ['signing_keys'],
  actions,
  options,
  open({ clock, store, journal, ready }, _services, settings) {
    const { issuer, audience, signingKeys } = settings
    const members: TokenMembers = {
      async revokeSigningKey(kid) {
        await ready()
        await revokeKey({ store, journal }, kid)
      },
    }
    return {
      service: {
        accessTokens: createAccessTokens({ keys: signingKeys, issuer, audience, clock }),
        settings,
      },
      routes: () => tokenRoutes({ store, keys: signingKeys }),
      members,
    }
  },
})
