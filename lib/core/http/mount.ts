import type { IncomingMessage } from 'node:http'
import type { Logger } from '../config/logger.js'

/**
 * Compares the mount path of the router with the path of `publicBaseUrl`. If they differ, cookie paths and links would be wrong,
 * and it logs one warning. A proxy may strip a prefix, so the mount path only has to be the end of the public path.
 */
export function createMountCheck(mountPath: string, logger: Logger): (request: IncomingMessage) => void {
  let hasWarned = false
  return (request) => {
    if (hasWarned) return
    const mountedAt = mountOf(request)
    if (mountPath.endsWith(mountedAt)) return
    hasWarned = true
    logger.warn(
      { mountedAt, publicPath: mountPath || '/' },
      `the router is mounted at ${mountedAt}, but the path of publicBaseUrl is ${mountPath || '/'}. Set publicBaseUrl to the address that browsers use, including the mount path`,
    )
  }
}

/** The prefix that Express and Connect have removed from `req.url`. Empty on plain `node:http`. */
export function mountOf(request: IncomingMessage): string {
  const { originalUrl } = request as { originalUrl?: unknown }
  const { url } = request
  if (typeof originalUrl !== 'string' || url === undefined || !originalUrl.endsWith(url)) return ''
  return originalUrl.slice(0, originalUrl.length - url.length)
}
