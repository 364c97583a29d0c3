import { execFileSync } from 'node:child_process'
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findBinaries } from '../../lib/embedded-postgres/binaries.js'
import { createCluster } from '../../lib/embedded-postgres/cluster.js'
import { openFolder } from '../../lib/embedded-postgres/folder.js'

/** Runs initdb in a folder of an embedded Postgres. That takes most of a second, so tests about something else copy one cluster. */
export async function initializeCluster(directory: string): Promise<void> {
  const folder = openFolder(directory)
  await createCluster(folder, await findBinaries(folder.account), false)
}

/** Copies a cluster that never ran to the folder of an embedded Postgres: owners and modes stay as they are. */
export function copyCluster(from: string, directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  execFileSync('cp', ['-a', `${from}/.`, directory])
}

let template: Promise<string> | undefined

/** Makes a folder of an embedded Postgres that was initialized and never ran. */
export async function createInitialized(directory: string): Promise<void> {
  template ??= findTemplate()
  copyCluster(await template, directory)
}

/** That of the run, unless there is none or this user cannot read it. */
async function findTemplate(): Promise<string> {
  const given = process.env.IDENTSPHERE_TEST_CLUSTER
  if (given !== undefined && canRead(given)) return given
  const own = mkdtempSync(join(tmpdir(), 'identsphere-cluster-'))
  process.once('exit', () => rmSync(own, { recursive: true, force: true }))
  await initializeCluster(own)
  return own
}

function canRead(path: string): boolean {
  try {
    accessSync(path, constants.R_OK)
    return true
  } catch {
    return false
  }
}
