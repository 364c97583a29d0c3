import { anonymous, type Calls } from '../../support/calls.js'

export const calls: Calls = {
  'GET /v1/health': async (app) => [anonymous(app, '/v1/health')],
}
