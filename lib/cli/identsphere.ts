#!/usr/bin/env node
import { ConfigurationError } from '../core/config/configuration-error.js'
import { migrate } from './migrate.js'
import { UsageError } from './usage-error.js'
import { worker } from './worker.js'

const help = `Usage: identsphere <command>

  migrate                  apply all pending migrations
  migrate status           list all migrations; exit code 1 if one is pending
  migrate rollback --yes   revert all migrations: deletes all accounts and the schema
  worker [module]          send mail and delete expired rows in this process; module: a file
                           that exports your identsphere. Without it, the settings come
                           from the environment
  help                     show this text

Environment: DATABASE_URL, IDENTSPHERE_SCHEMA (default identsphere); worker: all settings.
Exit codes: 0 done, 1 failed, 2 unknown command.`

type Command = (args: string[]) => Promise<number>

const commands: Readonly<Record<string, Command> & { help: Command }> = {
  migrate,
  worker,
  async help() {
    console.log(help)
    return 0
  },
}

const isHelp = (argument: string) => argument === '--help' || argument === '-h'

async function main([name = 'help', ...args]: string[]): Promise<number> {
  const command = isHelp(name) ? 'help' : name
  try {
    const run = Object.hasOwn(commands, command) ? commands[command] : undefined
    if (run === undefined) throw new UsageError(`"${name}" is not a command.`)
    // With --help, no command runs. It could delete data.
    if (args.some(isHelp)) return await commands.help([])
    return await run(args)
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${error.message}\n\n${help}`)
      return 2
    }
    console.error(explain(error))
    return 1
  }
}

function explain(error: unknown): string {
  if (error instanceof ConfigurationError) return error.message
  if (error instanceof AggregateError) return error.errors.map(explain).join('\n')
  const { message, detail } = error as { message?: string; detail?: string }
  return [message ?? String(error), detail].filter(Boolean).join('\n')
}

process.exitCode = await main(process.argv.slice(2))
