import { anonymous, type Calls } from '../../support/calls.js'

export const calls: Calls = {
  'GET /v1/pages/reset-password': async (app) => [anonymous(app, '/v1/pages/reset-password')],

  'GET /v1/pages/verify-email': async (app) => [anonymous(app, '/v1/pages/verify-email')],

  'GET /v1/pages/sign-in-link': async (app) => [anonymous(app, '/v1/pages/sign-in-link')],

  'GET /v1/pages/confirm-email': async (app) => [anonymous(app, '/v1/pages/confirm-email')],

  'GET /v1/pages/undo': async (app) => [anonymous(app, '/v1/pages/undo')],

  'GET /v1/client.js': async (app) => [anonymous(app, '/v1/client.js')],

  'GET /v1/pages/page.js': async (app) => [anonymous(app, '/v1/pages/page.js')],

  'GET /v1/pages/page.css': async (app) => [anonymous(app, '/v1/pages/page.css')],

  'GET /v1/dev/mailbox': async (app) => [anonymous(app, '/v1/dev/mailbox')],
}
