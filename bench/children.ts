import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Job, Outcome } from './load.js'
import type { Usage } from './servers/serve.js'

/** A server in a process of its own. */
export interface Server {
  url: string
  /** What it said when it was ready. */
  greeting: { verificationsPerSecond?: number }
  /** What it has used since it was asked last. */
  usage(): Promise<Usage>
  stop(): Promise<void>
}

/** The load generator, in a process of its own. */
export interface Generator {
  run(job: Job): Promise<Outcome>
  stop(): Promise<void>
}

/** @param profile folder for CPU profiles, one for each thread, written when the server stops */
export async function startServer(name: string, input: unknown, profile?: string): Promise<Server> {
  const flags = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${join(profile, name)}`]
  const child = start(`servers/${name}.ts`, flags)
  child.send(input as object)
  const { url, ...greeting } = (await answer(child)) as { url: string } & Server['greeting']
  return {
    url,
    greeting,
    async usage() {
      child.send('usage')
      return (await answer(child)) as Usage
    },
    stop: () => stop(child),
  }
}

export function startGenerator(): Generator {
  const child = start('load.ts', [])
  return {
    async run(job) {
      child.send(job)
      return (await answer(child)) as Outcome
    },
    stop: () => stop(child),
  }
}

function start(file: string, flags: string[]): ChildProcess {
  return fork(join(import.meta.dirname, file), {
    execArgv: [...process.execArgv, ...flags],
    env: { ...process.env, NODE_ENV: 'production' },
  })
}

async function answer(child: ChildProcess): Promise<unknown> {
  const ended = new AbortController()
  const failed = once(child, 'exit', { signal: ended.signal }).then(([code]) => {
    throw new Error(`${child.spawnfile} ended with ${code}`)
  })
  failed.catch(() => {})
  try {
    const [message] = await Promise.race([once(child, 'message'), failed])
    return message
  } finally {
    ended.abort()
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const ended = once(child, 'exit')
  child.disconnect()
  await ended
}
