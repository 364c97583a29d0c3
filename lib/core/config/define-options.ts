import { z } from 'zod'
import { ConfigurationError } from './configuration-error.js'
import type { CoreSettings } from './settings.js'

/** Schemas of the host's options by path, e.g. `cookies.secure`. A schema holds the default, if it does not depend on others. */
export type Fields = Readonly<Record<string, z.ZodType>>

/** The parsed values by path. */
export type Values<F extends Fields> = { readonly [Path in keyof F]: z.output<F[Path]> }

/** Reads an option from the environment. `given` returns other options that the host has set. */
export type FromEnvironment = (environment: NodeJS.ProcessEnv, given: (path: string) => unknown) => unknown

/** The options of one feature: their fields, their environment variables, and how settings are made from them. */
export interface OptionsDefinition<Settings> {
  readonly fields: Fields
  readonly environment: Readonly<Record<string, FromEnvironment>>
  /** Checks the values and makes settings from them. @throws ConfigurationError that names the setting and the fix */
  resolve(values: Readonly<Record<string, unknown>>, core: CoreSettings): Settings
}

/**
 * @example
 * ```ts
 * export const options = defineOptions({
 *   fields: { 'mfa.requiredFor': z.array(z.string()).default([]) },
 *   resolve: (values) => ({ requiredFor: values['mfa.requiredFor'] }),
 * })
 * ```
 */
export function defineOptions<F extends Fields, Settings>(definition: {
  fields: F
  environment?: { readonly [Path in keyof F]?: FromEnvironment }
  resolve(values: Values<F>, core: CoreSettings): Settings
}): OptionsDefinition<Settings> {
  const { fields, environment = {}, resolve } = definition
  return { fields, environment: environment as Record<string, FromEnvironment>, resolve: resolve as never }
}

type Definition = Pick<OptionsDefinition<unknown>, 'fields' | 'environment'>

/** Makes one strict schema of all fields. A path with a dot is a member of an object. Several definitions may share an object. */
export function schemaOf(definitions: readonly Definition[]): z.ZodObject {
  const shape: Record<string, z.ZodType> = {}
  const groups = new Map<string, Record<string, z.ZodType>>()
  for (const { fields } of definitions) {
    for (const [path, schema] of Object.entries(fields)) {
      const [name = '', member] = path.split('.', 2)
      const target = member === undefined ? shape : (groups.get(name) ?? {})
      if (member !== undefined) groups.set(name, target)
      if ((member ?? name) in target) throw new Error(`two features have the option ${path}`)
      target[member ?? name] = schema
    }
  }
  for (const [name, members] of groups) shape[name] = z.strictObject(members).prefault({})
  return z.strictObject(shape)
}

/**
 * Parses the host's options. Options that the host has not set are read from the environment.
 *
 * @returns the values by path
 * @throws ConfigurationError for the first invalid option
 */
export function parseOptions(
  definitions: readonly Definition[],
  input: object,
  environment: NodeJS.ProcessEnv,
): Readonly<Record<string, unknown>> {
  const completed = structuredCopy(input)
  const given = (path: string) => read(input, path)
  for (const definition of definitions) {
    for (const [path, fromEnvironment] of Object.entries(definition.environment)) {
      if (given(path) !== undefined) continue
      const value = fromEnvironment(environment, given)
      if (value !== undefined) write(completed, path, value)
    }
  }
  const parsed = parseWith(schemaOf(definitions), completed) as object
  const paths = definitions.flatMap(({ fields }) => Object.keys(fields))
  return Object.fromEntries(paths.map((path) => [path, read(parsed, path)]))
}

/** Parses options with any schema. @throws ConfigurationError for the first invalid option */
export function parseWith(schema: z.ZodType, options: unknown): unknown {
  const parsed = schema.safeParse(options)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  if (issue?.code === 'unrecognized_keys') {
    const prefix = issue.path.length > 0 ? `${issue.path.join('.')}.` : ''
    throw new ConfigurationError(`${prefix}${issue.keys[0]}`, 'is not an option', 'Remove it or correct its spelling.')
  }
  throw new ConfigurationError(
    issue?.path.join('.') || 'options',
    `is not valid: ${issue?.message ?? 'wrong type'}`,
    "See the README's table of options.",
  )
}

/** Copies the object and the plain objects in it, without undefined members. Functions and class instances are not copied. */
function structuredCopy(input: object): Record<string, unknown> {
  const entries = Object.entries(input).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries.map(([key, value]) => [key, isPlain(value) ? structuredCopy(value) : value]))
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

function read(options: object, path: string): unknown {
  const [name = '', member] = path.split('.', 2)
  const value = (options as Record<string, unknown>)[name]
  if (member === undefined || typeof value !== 'object' || value === null)
    return member === undefined ? value : undefined
  return (value as Record<string, unknown>)[member]
}

function write(options: Record<string, unknown>, path: string, value: unknown): void {
  const [name = '', member] = path.split('.', 2)
  if (member === undefined) {
    options[name] = value
    return
  }
  const group = options[name] ?? {}
  // If the group is not an object, the schema refuses it later.
  if (isPlain(group)) options[name] = { ...group, [member]: value }
}
