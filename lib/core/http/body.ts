import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RequestHandler } from 'express'
import { IdentSphereError } from '../errors.js'

export const bodyLimitBytes = 64 * 1024
const maxDepth = 12

let loading: Promise<RequestHandler> | undefined

/** Express is loaded with the first body. It is a quarter of what an import of this package costs. */
function loadParser(): Promise<RequestHandler> {
  loading ??= import('express').then(({ default: express }) =>
    express.json({ limit: bodyLimitBytes, strict: false, inflate: false, type: () => true }),
  )
  return loading
}

/**
 * Returns the JSON body of a request. The host's own parser may have read it before.
 *
 * @throws IdentSphereError `unsupported_media_type`, `payload_too_large` or `invalid_input`
 */
export async function readBody(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
  if (!hasBody(request)) return {}
  const mediaType = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase()
  if (mediaType !== 'application/json') throw new IdentSphereError('unsupported_media_type')
  if (Number(request.headers['content-length'] ?? 0) > bodyLimitBytes) throw new IdentSphereError('payload_too_large')

  const carrier = request as IncomingMessage & { body?: unknown }
  if (carrier.body === undefined || isPlaceholder(carrier)) {
    const parseJson = await loadParser()
    await new Promise<void>((resolve, reject) => {
      parseJson(request as never, response as never, (error?: unknown) => {
        if (error === undefined || error === null) resolve()
        else reject(translateParserError(error))
      })
    })
  }
  const body = parsedByText(carrier.body)
  assertPlain(body, 0)
  return body
}

function hasBody(request: IncomingMessage): boolean {
  return request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0
}

/** Body parsers for Express 4 set `{}` if they do not parse the body. */
function isPlaceholder(request: IncomingMessage & { body?: unknown }): boolean {
  const { body } = request
  return typeof body === 'object' && body !== null && Object.keys(body).length === 0 && !request.readableDidRead
}

/** The host may have parsed the body with `express.raw()` or `express.text()`. */
function parsedByText(body: unknown): unknown {
  const text = Buffer.isBuffer(body) ? body.toString('utf8') : body
  if (typeof text !== 'string') return body
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new IdentSphereError('invalid_input', { message: 'The body is not valid JSON.', cause })
  }
}

function translateParserError(error: unknown): IdentSphereError {
  const { type, status } = error as { type?: string; status?: number }
  if (type === 'entity.too.large') return new IdentSphereError('payload_too_large', { cause: error })
  if (status === 415) return new IdentSphereError('unsupported_media_type', { cause: error })
  return new IdentSphereError('invalid_input', { message: 'The body is not valid JSON.', cause: error })
}

/**
 * Refuses deep nesting, prototype keys, NUL and lone surrogates. They can harm the database or object prototypes, and no field of
 * ours uses them.
 *
 * @see CVE-2026-30939 prototype keys, Logto's NUL in text columns
 */
function assertPlain(value: unknown, depth: number): void {
  if (depth > maxDepth) throw new IdentSphereError('invalid_input', { message: 'The body is nested too deeply.' })
  if (typeof value === 'string') assertCleanText(value)
  if (typeof value !== 'object' || value === null) return
  for (const key of Object.keys(value)) {
    if (key === '__proto__' || key === 'constructor' || key === 'prototype') {
      throw new IdentSphereError('invalid_input', { message: 'The body contains a reserved key.' })
    }
    assertCleanText(key)
    assertPlain((value as Record<string, unknown>)[key], depth + 1)
  }
}

export function assertCleanText(text: string): void {
  if (text.includes('\u0000') || !text.isWellFormed()) {
    throw new IdentSphereError('invalid_input', { message: 'Text must not contain NUL or lone surrogates.' })
  }
}
