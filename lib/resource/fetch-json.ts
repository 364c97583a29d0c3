import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'

/** Milliseconds for everything, from the look-up of the name to the last byte. */
const deadline = 3_000
const bodyLimitBytes = 256 * 1024
const mediaTypes = new Set(['application/json', 'application/jwk-set+json'])

/**
 * The JSON at an address that the operator configured, which therefore may be a private one. Redirects are not followed, and
 * an agent of its own knows no proxy of the environment: what answers is what was configured.
 */
export async function fetchJson(address: URL): Promise<unknown> {
  const response = await responseFrom(address)
  try {
    if (response.statusCode !== 200) throw new Error(`it answered ${response.statusCode}`)
    const mediaType = response.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() ?? 'no media type'
    if (!mediaTypes.has(mediaType)) throw new Error(`it answered with ${mediaType}`)
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
    // It ends the body too: a timeout of the socket alone would begin anew with every byte.
    signal: AbortSignal.timeout(deadline),
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
    if (length > bodyLimitBytes) throw new Error(`it answered with more than ${bodyLimitBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
