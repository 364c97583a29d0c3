import { join, relative, resolve } from 'node:path'

/** The checkout. */
export const root = join(import.meta.dirname, '../..')

/** Where `npm test` keeps what it compiled, in folders as in the checkout. */
export const buildFolder = join(root, '.test-build')

/**
 * The compiled form of a TypeScript file or of a folder of the checkout, for processes that tests start: they run plain Node, which
 * starts in half the time.
 *
 * @param path absolute, or relative to the checkout
 */
export function compiled(path: string): string {
  return join(buildFolder, relative(root, resolve(root, path))).replace(/\.ts$/, '.js')
}
