import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import type { IdentSphere } from '../identsphere.js'
import { createIdentSphere } from '../identsphere.js'
import { consoleLogger } from './console-logger.js'
import { UsageError } from './usage-error.js'

/**
 * `identsphere worker [module]`: runs the background work until a signal stops it.
 *
 * @returns the exit code
 */
export async function worker(args: string[]): Promise<number> {
  const identsphere = await instance(modulePath(args))
  // Listen before the start, so that an early signal does not kill the process.
  const signalled = new Promise<string>((resolved) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolved)
  })
  try {
    await identsphere.startWorker()
    console.log('The worker is running. Ctrl+C, SIGTERM or SIGINT stops it.')
    const { mail_queue } = await identsphere.health()
    if (mail_queue === 'off')
      console.log('No mailer is configured (SMTP_URL). The worker sends no mail and only deletes expired rows.')
    console.log(`${await signalled}: the worker finishes its running jobs and stops.`)
  } finally {
    await identsphere.close()
  }
  return 0
}

function modulePath(args: string[]): string | undefined {
  try {
    const { positionals } = parseArgs({ args, allowPositionals: true })
    if (positionals.length > 1) throw new UsageError('"worker" accepts only one module.')
    return positionals[0]
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError((error as Error).message)
  }
}

/** The instance that the module exports as `identsphere` or as default. Without a module, the settings are those of the environment. */
async function instance(path: string | undefined): Promise<IdentSphere> {
  if (path === undefined) return createIdentSphere({ worker: 'external', logger: consoleLogger })
  const exported = await load(path)
  // The exports of a CommonJS module are in its default export.
  const all = { ...(exported.default as object | undefined), ...exported } as Record<string, unknown>
  const found = [all.identsphere, exported.default].find(isIdentSphere)
  if (found === undefined) {
    throw new Error(`${path} must export the result of createIdentSphere() as "identsphere" or as default.`)
  }
  return found
}

async function load(path: string): Promise<Record<string, unknown>> {
  try {
    return await import(pathToFileURL(resolve(path)).href)
  } catch (cause) {
    const { code, message } = cause as { code?: string; message?: string }
    const fix =
      code === 'ERR_UNKNOWN_FILE_EXTENSION'
        ? ` For TypeScript: node --import tsx node_modules/identsphere/dist/lib/cli/identsphere.js worker ${path}`
        : ''
    throw new Error(`${path} cannot be loaded: ${message ?? cause}${fix}`, { cause })
  }
}

function isIdentSphere(value: unknown): value is IdentSphere {
  return typeof (value as IdentSphere | null | undefined)?.startWorker === 'function'
}
