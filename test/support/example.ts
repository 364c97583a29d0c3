import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { compiled } from './compiled.js'

/** An example as people run it: a process of its own. */
export interface Example {
  url: string
  process: ChildProcess
  /** Asks it to end, and gives its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

export interface ExampleOptions {
  /** Working folder: where `.identsphere/` comes to be. */
  folder: string
  port: number
  databaseUrl?: string
  environment?: Record<string, string>
}

/** Starts `examples/<name>/server.ts` and waits until it says where it listens. @throws Error with its output where it ends instead */
export async function startExample(name: string, options: ExampleOptions): Promise<Example> {
  const child = spawn(process.execPath, [compiled(`examples/${name}/server.ts`)], {
    cwd: options.folder,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      PORT: String(options.port),
      ...(options.databaseUrl === undefined ? {} : { DATABASE_URL: options.databaseUrl }),
      ...options.environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = once(child, 'exit')
  let output = ''
  const url = new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        output += `${line}\n`
        const [address] = /http:\/\/\S+$/.exec(line) ?? []
        if (address !== undefined) resolve(address)
      })
    }
    child.once('close', (code) => reject(new Error(`The example ${name} ended with ${code}:\n${output}`)))
  })
  return {
    url: await url,
    process: child,
    async stop(signal = 'SIGTERM') {
      child.kill(signal)
      const [code] = await ended
      return code
    },
  }
}
