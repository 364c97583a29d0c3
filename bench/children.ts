import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Job, Outcome } from './load/job.js'
import type { Usage } from './servers/serve.js'

/** A server in a process of its own. */
export interface Server {
  url: string
  /** What it used since it was asked last. */
  usage(): Promise<Usage>
  stop(): Promise<void>
}

/** The load generator, in a process of its own. */
export interface Generator {
  run(job: Job): Promise<Outcome>
  stop(): Promise<void>
}

/** Starts processes, and stops those that still run. */
export interface Children {
  startServer(name: string, input: unknown): Promise<Server>
  startGenerator(): Generator
  /** Imports one module in a fresh process. @returns milliseconds */
  timeImport(module: string): Promise<number>
  /** Stops all processes. None can be started afterwards, so a run that still goes on fails soon. */
  stopAll(): Promise<void>
}

/**
 * @param serverNode the Node that runs the servers. The load generator always runs on the Node of this process
 * @param profileFolder folder for CPU profiles, written when a server stops
 */
export function createChildren(serverNode: string, profileFolder?: string): Children {
  const running = new Set<ChildProcess>()
  let isStopped = false

  function start(file: string, node: string, flags: string[] = []): ChildProcess {
    if (isStopped) throw new Error('the benchmark was stopped')
    const child = fork(join(import.meta.dirname, file), {
      execPath: node,
      execArgv: flags,
      env: { ...process.env, NODE_ENV: 'production' },
    })
    running.add(child)
    child.once('exit', () => running.delete(child))
    return child
  }

  function startNamed(name: string): ChildProcess {
    const flags = profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${join(profileFolder, name)}`]
    return start(`servers/${name}.js`, serverNode, flags)
  }

  return {
    async startServer(name, input) {
      const child = startNamed(name)
      const { url } = (await ask(child, input)) as { url: string }
      return {
        url,
        usage: async () => (await ask(child, 'usage')) as Usage,
        stop: () => stop(child),
      }
    },

    startGenerator() {
      const child = start('load/generator.js', process.execPath)
      return {
        run: async (job) => (await ask(child, job)) as Outcome,
        stop: () => stop(child),
      }
    },

    async timeImport(module) {
      const child = startNamed('importing')
      const { importMs } = (await ask(child, { module })) as { importMs: number }
      await stop(child)
      return importMs
    },

    async stopAll() {
      isStopped = true
      await Promise.all([...running].map(stop))
    },
  }
}

/** Sends a message and waits for the answer. @throws Error if the process ends instead */
async function ask(child: ChildProcess, message: unknown): Promise<unknown> {
  const ended = new AbortController()
  const failed = once(child, 'exit', { signal: ended.signal }).then(([code]) => {
    throw new Error(`${child.spawnargs.at(-1)} ended with ${code}`)
  })
  failed.catch(() => {})
  try {
    const answered = once(child, 'message', { signal: ended.signal })
    answered.catch(() => {})
    child.send(message as object)
    const [answer] = await Promise.race([answered, failed])
    return answer
  } finally {
    ended.abort()
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  if (child.connected) child.disconnect()
  await ended
}
