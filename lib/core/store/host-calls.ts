import type { Knex } from 'knex'
import { z } from 'zod'
import { validate } from '../http/validate.js'
import { translateError } from './database-errors.js'
import type { Executor, Store, Tx } from './store.js'

/** What every method of `identsphere.api` takes last. */
export interface HostCallOptions {
  /**
   * A transaction of yours on the same database, from any Knex instance: the call is part of it, sees what it has written
   * and is undone with it. A call that fails leaves it usable, with nothing of the call's done.
   */
  trx?: Knex.Transaction
}

/** Runs what the host's own code asks for: input checked, database ready, errors from the catalogue. */
export interface HostCalls {
  read<In, Out>(schema: z.ZodType<In>, input: unknown, options: unknown, work: ReadWork<In, Out>): Promise<Out>
  /** All of it in one transaction: the host's where it gave one. */
  write<In, Out>(schema: z.ZodType<In>, input: unknown, options: unknown, work: WriteWork<In, Out>): Promise<Out>
}

type ReadWork<In, Out> = (db: Executor, input: In) => Promise<Out>
type WriteWork<In, Out> = (tx: Tx, input: In) => Promise<Out>

const callOptions = z
  .strictObject({
    trx: z
      .custom<Knex.Transaction>(
        (value) => typeof value === 'function' && (value as Partial<Knex.Transaction>).isTransaction === true,
        'must be a transaction of Knex',
      )
      .optional(),
  })
  .optional()

export function createHostCalls({ store, ready }: { store: Store; ready: () => Promise<void> }): HostCalls {
  async function call<In, Out>(
    schema: z.ZodType<In>,
    input: unknown,
    options: unknown,
    work: (trx: Knex.Transaction | undefined, input: In) => Promise<Out>,
  ): Promise<Out> {
    const { trx } = (validate(callOptions, options) as HostCallOptions | undefined) ?? {}
    const parsed = validate(schema, input) as In
    try {
      await ready()
      return await work(trx, parsed)
    } catch (error) {
      throw translateError(error)
    }
  }

  return {
    read: (schema, input, options, work) =>
      call(schema, input, options, (trx, parsed) => work(store.reading(trx), parsed)),
    write: (schema, input, options, work) =>
      call(schema, input, options, (trx, parsed) => store.within(trx, (tx) => work(tx, parsed))),
  }
}
