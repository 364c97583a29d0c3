import { apiOrigin } from '/api-origin.js'

// With a bundler: `import { createClient } from 'identsphere/client'`.
const { createClient } = await import(`${apiOrigin}/v1/client.js`)

export const client = createClient({ baseUrl: apiOrigin })

/** `client.fetch()` for the routes of the API. */
export const call = (path, init) => client.fetch(apiOrigin + path, init)
