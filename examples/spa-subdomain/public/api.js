import { apiOrigin } from '/api-origin.js'

/** From the last answer that had one. The cookie that holds it is another host's, so the page cannot read it there. */
let csrfToken

async function send(method, path, body) {
  const answer = await fetch(apiOrigin + path, {
    method,
    credentials: 'include',
    headers: {
      ...(csrfToken === undefined ? {} : { 'X-IdentSphere-CSRF': csrfToken }),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const parsed = answer.status === 204 ? {} : await answer.json()
  csrfToken = parsed.csrf_token ?? csrfToken
  return { status: answer.status, body: parsed }
}

/** Calls the API with its cookies; once more after a refresh, where the access token has expired meanwhile. */
export async function call(method, path, body) {
  const answer = await send(method, path, body)
  if (answer.status !== 401 || csrfToken === undefined) return answer
  const refreshed = await send('POST', '/v1/auth/refresh')
  return refreshed.status === 200 ? send(method, path, body) : answer
}

/** After a load, when no CSRF token is known yet, by way of the API: back here with a new access token, or to the sign-in page. */
export function resume() {
  location.replace(`${apiOrigin}/v1/auth/resume?${new URLSearchParams({ return_to: location.href })}`)
}
