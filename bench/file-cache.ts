import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Takes a folder's files out of the operating system's cache. They must be on disk already. */
export async function dropFileCache(folder: string): Promise<void> {
  const run = promisify(execFile)
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  // `count=0` reads nothing: with `nocache`, dd then advises the system to drop the whole file.
  for (const file of files) await run('dd', [`if=${file}`, 'iflag=nocache', 'count=0', 'status=none'])
}
