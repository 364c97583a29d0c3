import type { Client } from './client.js'

/** A browser's `fetch`: the cookies of this client, and its own `Origin`. Keeps what was sent. */
export function cookieFetch(client: Client, origin = client.origin): { fetch: typeof fetch; sent: Request[] } {
  const sent: Request[] = []
  return {
    sent,
    async fetch(input) {
      const request = input as Request
      sent.push(request.clone())
      const text = await request.text()
      const answer = await client.send(request.method, request.url, {
        csrf: false,
        headers: { ...Object.fromEntries(request.headers), origin },
        ...(text === '' ? {} : { raw: text }),
      })
      const headers = Object.entries(answer.headers).flatMap(([name, value]) =>
        name === 'content-length' ? [] : [value ?? []].flat().map((one): [string, string] => [name, one]),
      )
      const body = [204, 304].includes(answer.status) ? null : answer.text
      return new Response(body, { status: answer.status, headers })
    },
  }
}
