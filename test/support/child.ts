import { fork } from 'node:child_process'
import { once } from 'node:events'
import { compiled } from './compiled.js'

/** A process whose clock tests move, and which has said where it listens. */
export interface Child {
  port: number
  /** Moves the clock of this process. */
  advance(seconds: number): Promise<void>
  stop(): Promise<void>
}

/** Runs a file beside this one. It gets the options as an argument. @throws Error where it ends instead of listening */
export async function startChild(file: string, options: object, environment: NodeJS.ProcessEnv): Promise<Child> {
  const child = fork(compiled(`test/support/${file}`), [JSON.stringify(options)], {
    execArgv: process.execArgv, // source maps and the network trap
    env: environment,
  })
  const failed = once(child, 'exit').then(([code]) => Promise.reject(new Error(`the process ended with ${code}`)))
  const [{ port }] = await Promise.race([once(child, 'message'), failed])
  failed.catch(() => {})
  return {
    port,
    async advance(seconds) {
      const advanced = once(child, 'message')
      child.send({ seconds })
      await advanced
    },
    async stop() {
      const ended = once(child, 'exit')
      child.disconnect()
      await ended
    },
  }
}
