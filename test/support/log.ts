import { inspect } from 'node:util'
import type { Logger } from '../../lib/core/config/logger.js'

/** A logger that keeps everything as text, so that tests can look for what must never be in it. */
export interface LogRecorder extends Logger {
  readonly lines: string[]
}

export function createLogRecorder(): LogRecorder {
  const lines: string[] = []
  const write = (level: string) => (facts: object, message?: string) => {
    lines.push(`${level} ${message ?? ''} ${inspect(facts, { depth: 8 })}`)
  }
  return { lines, debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}
