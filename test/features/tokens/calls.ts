import { anonymous, type Calls } from '../../support/calls.js'

export const calls: Calls = {
  'GET /.well-known/jwks.json': async (app) => [anonymous(app, '/.well-known/jwks.json')],
}
