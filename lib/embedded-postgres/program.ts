import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync } from 'node:fs'
import type { Account } from './account.js'

/** One run of initdb or postgres. */
export interface Program {
  command: string
  account: Account | undefined
  /** Where stdout and stderr go: a file descriptor, or pipes. */
  output: number | 'pipe'
  /** Files and folders that it works on; it must be allowed to use each, but not to walk there. */
  paths: string[]
  /** Its arguments, given the names under which it finds `paths`. */
  arguments(...paths: string[]): string[]
}

/**
 * Starts a program of Postgres.
 *
 * `account` cannot walk a path below somebody's 0700 home, nor below our own folder, and Postgres breaks down at a path
 * of more than 1024 characters. Where there is `/proc`, the program therefore inherits `paths` open, as descriptors 3
 * and up, and is told to use those.
 */
export function spawnProgram(program: Program): ChildProcess {
  // Nothing else of the host's environment reaches Postgres: its PG* variables mean another server.
  const environment = { PATH: process.env.PATH ?? '', LC_ALL: 'C', TZ: 'UTC' }
  const inherit = existsSync('/proc/self/fd')
  const descriptors = inherit ? program.paths.map((path) => openSync(path, 'r')) : []
  const paths = inherit ? descriptors.map((_, index) => `/proc/self/fd/${index + 3}`) : program.paths
  try {
    return spawn(program.command, program.arguments(...paths), {
      cwd: '/',
      env: environment,
      ...program.account,
      stdio: ['ignore', program.output, program.output, ...descriptors],
    })
  } finally {
    for (const descriptor of descriptors) closeSync(descriptor)
  }
}
