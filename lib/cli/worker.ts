import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import type { IdentSphere } from '../identsphere.js'
import { createIdentSphere } from '../identsphere.js'
import { consoleLogger } from './console-logger.js'
import { UsageError } from './usage-error.js'

/**
 * `identsphere worker [module]`: runs the background work until it is told to stop.
 *
 * @returns the exit code
 */
export async function worker(args: string[]): Promise<number> {
  const identsphere = await instance(modulePath(args))
  // Listening before it starts: a signal that comes meanwhile must not kill it half-way.
  const signalled = new Promise<string>((resolved) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolved)
  })
  try {
    await identsphere.startWorker()
    console.log('The worker runs. Ctrl+C, SIGTERM or SIGINT ends it.')
    const { mail_queue } = await identsphere.health()
    if (mail_queue === 'off') console.log('No mailer is set (SMTP_URL), so it sends no mail and only sweeps.')
    console.log(`${await signalled}: the worker finishes what is under way.`)
  } finally {
    await identsphere.close()
  }
  return 0
}

function modulePath(args: string[]): string | undefined {
  try {
    const { positionals } = parseArgs({ args, allowPositionals: true })
    if (positionals.length > 1) throw new UsageError('"worker" takes one module.')
    return positionals[0]
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError((error as Error).message)
  }
}

/** What the module exports as `identsphere` or by default, or one made from the environment alone. */
async function instance(path: string | undefined): Promise<IdentSphere> {
  if (path === undefined) return createIdentSphere({ worker: 'external', logger: consoleLogger })
  const exported = await load(path)
  // A CommonJS module comes as the default export.
  const all = { ...(exported.default as object | undefined), ...exported } as Record<string, unknown>
  const found = [all.identsphere, exported.default].find(isIdentSphere)
  if (found === undefined) {
    throw new Error(`${path} has no export "identsphere", nor a default one, that createIdentSphere() made.`)
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
