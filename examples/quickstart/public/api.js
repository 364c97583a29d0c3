/**
 * The few lines a page needs to speak to IdentSphere: the CSRF token, and a new access token when the old one has expired.
 * Cookies do the rest, and scripts cannot read those that matter.
 */

/** An answer that is no success, in the words of the server. */
export class ApiError extends Error {
  constructor({ status, body, retryAfter }) {
    super(body?.error?.message ?? 'The server gave no reason.')
    this.name = 'ApiError'
    this.status = status
    /** What to switch on: `invalid_credentials`, `conflict`, … */
    this.code = body?.error?.code ?? 'unknown'
    /** `[{ path, message }]` where fields are at fault. */
    this.details = Array.isArray(body?.error?.details) ? body.error.details : []
    this.retryAfter = retryAfter
  }
}

/** Whether this browser has been signed in: the CSRF cookie is the one that scripts may read. */
export function hasSession() {
  return csrfToken() !== null
}

/** Sends, and gives the body of a success. @throws ApiError */
export async function call(method, path, body) {
  const answer = await send(method, path, body)
  if (answer.status < 400) return answer.body
  throw new ApiError(answer)
}

/** Sends, and gives whatever the answer is. An expired access token is renewed once, and the request sent again. */
export async function send(method, path, body, options) {
  const answer = await exchange(method, path, body, options)
  const isExpired = answer.body?.error?.code === 'authentication_required'
  return isExpired && (await renew()) ? exchange(method, path, body, options) : answer
}

let renewal

/** Asks for a new access token; several requests that need one at once share one answer. True when there is one. */
function renew() {
  if (!hasSession()) return false
  renewal ??= exchange('POST', '/v1/auth/refresh').finally(() => {
    renewal = undefined
  })
  return renewal.then((answer) => {
    // Anything but a plain no, such as a server that is just starting, does not mean that the session has ended.
    if (answer.status >= 400 && answer.status !== 401) throw new ApiError(answer)
    return answer.status < 400
  })
}

async function exchange(method, path, body, { withCsrf = true } = {}) {
  const headers = {}
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  if (method !== 'GET' && withCsrf && hasSession()) headers['X-IdentSphere-CSRF'] = csrfToken()
  let response
  try {
    response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) })
  } catch {
    throw new ApiError({ status: 0, body: { error: { message: 'The server does not answer. Does it run?' } } })
  }
  const isJson = response.headers.get('Content-Type')?.startsWith('application/json') ?? false
  return {
    status: response.status,
    body: isJson ? await response.json() : null,
    retryAfter: Number(response.headers.get('Retry-After')) || null,
  }
}

function csrfToken() {
  const pair = document.cookie.split('; ').find((part) => part.startsWith('identsphere_csrf='))
  return pair?.slice('identsphere_csrf='.length) || null
}
