import { apiOrigin } from '/api-origin.js'

// The client calls the origin that it was loaded from. With a bundler: `createClient({ baseUrl: apiOrigin })` from 'identsphere/client'.
const { createClient } = await import(`${apiOrigin}/v1/client.js`)

export const client = createClient()

/** `client.fetch()` for the routes of the API. */
export const call = (path, init) => client.fetch(apiOrigin + path, init)
