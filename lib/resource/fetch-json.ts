import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'

/** Limits the whole request, from the DNS lookup to the last byte. */
const requestTimeoutMs = 3_000
const bodyLimitBytes = 256 * 1024
const mediaTypes = new Set(['application/json', 'application/jwk-set+json'])

/**
 * Fetches JSON from an address that the operator has configured. The address may be private. Redirects are not followed, and
 * proxies in the environment are ignored, so only the configured server can answer.
 */
export async function fetchJson(address: URL): Promise<unknown> {
  const response = await responseFrom(address)
  try {
    if (response.statusCode !== 200) throw new Error(`the server answered with status ${response.statusCode}`)
    const mediaType = response.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() ?? 'no media type'
    if (!mediaTypes.has(mediaType)) throw new Error(`the server answered with ${mediaType}`)
    return JSON.parse(await textOf(response))
  } finally {
    response.destroy()
  }
}

function responseFrom(address: URL): Promise<IncomingMessage> {
  const isHttps = address.protocol === 'https:'
  const options: RequestOptions = {
    agent: isHttps ? new HttpsAgent({ rejectUnauthorized: true }) : new HttpAgent(),
    headers: { accept: [...mediaTypes].join(', ') },
    // The signal also limits the body. A socket timeout would start again with every byte.
    signal: AbortSignal.timeout(requestTimeoutMs),
  }
  return new Promise((resolve, reject) => {
    const request = isHttps ? httpsRequest(address, options) : httpRequest(address, options)
    request.on('response', resolve).on('error', reject).end()
  })
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > bodyLimitBytes) throw new Error(`the answer has more than ${bodyLimitBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
