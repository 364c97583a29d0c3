import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** A Node that can run servers. */
export interface NodeVersion {
  /** E.g. `20`. */
  major: string
  /** E.g. `20.20.2`. */
  version: string
  execPath: string
}

/** Finds the Node of a major version: the one that runs this, or one that `npx` gets from the registry. */
export async function findNode(major: string): Promise<NodeVersion> {
  const { node } = process.versions
  if (node.split('.')[0] === major) return { major, version: node, execPath: process.execPath }
  const print = 'console.log(JSON.stringify([process.versions.node, process.execPath]))'
  const { stdout } = await promisify(execFile)('npx', ['-y', '-p', `node@${major}`, 'node', '-e', print])
  const [version = '', execPath = ''] = JSON.parse(stdout) as string[]
  return { major, version, execPath }
}
