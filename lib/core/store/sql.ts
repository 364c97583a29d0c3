/** A value that is bound as a parameter. JSON is bound as text, so that no object of a request is ever taken for SQL. */
export type BoundValue = string | number | boolean | null | Date | Buffer | readonly (string | number | Buffer)[]

/** What a template may hold. */
export type SqlPart = BoundValue | Fragment

/** A statement as it is sent: `$1`, `$2`, … in the text stand for the values. */
export interface Statement {
  readonly text: string
  readonly values: readonly BoundValue[]
}

/** A piece of SQL with the values that are bound in it. Only {@link sql} and {@link identifier} make one. */
export type Fragment = Piece

class Piece {
  /** One text more than values: each value stands between two of them. */
  readonly #texts: readonly string[]
  readonly #values: readonly BoundValue[]

  constructor(texts: readonly string[], values: readonly BoundValue[]) {
    this.#texts = texts
    this.#values = values
  }

  static of(given: readonly string[], parts: readonly SqlPart[]): Piece {
    const texts: string[] = []
    const values: BoundValue[] = []
    let last = given[0] ?? ''
    for (let index = 0; index < parts.length; index += 1) {
      const part = parts[index]
      if (isFragment(part)) {
        last += part.#texts[0] ?? ''
        for (let at = 0; at < part.#values.length; at += 1) {
          texts.push(last)
          values.push(part.#values[at] as BoundValue)
          last = part.#texts[at + 1] ?? ''
        }
      } else {
        assertBindable(part)
        texts.push(last)
        values.push(part)
        last = ''
      }
      last += given[index + 1] ?? ''
    }
    texts.push(last)
    return new Piece(texts, values)
  }

  statement(): Statement {
    let text = (this.#texts[0] ?? '').trimStart()
    for (let index = 1; index < this.#texts.length; index += 1) text += `$${index}${this.#texts[index]}`
    return { text, values: this.#values }
  }

  static isPiece(value: unknown): value is Piece {
    return typeof value === 'object' && value !== null && #texts in value
  }
}

const isFragment = Piece.isPiece

/**
 * A piece of SQL. Each interpolated value is bound as a parameter where it stands; a {@link Fragment} becomes text. Nothing
 * else can get into the text.
 *
 * @throws TypeError for a value that is not a {@link BoundValue}, such as undefined or an object
 * @example
 * ```ts
 * const live = (db: Executor) => sql`consumed_at IS NULL AND expires_at > ${db.now}`
 * await db.sql<{ id: string }>`SELECT id FROM ${db.table('email_challenges')} WHERE id = ${id} AND ${live(db)}`
 * ```
 */
export function sql(texts: TemplateStringsArray, ...parts: readonly SqlPart[]): Fragment {
  // Only a template has `raw`: neither text nor anything that was parsed from JSON passes for one.
  if (!Array.isArray(texts) || !Array.isArray(texts.raw)) throw new TypeError('sql is a tag for templates')
  return Piece.of(texts, parts)
}

/** Names of SQL, quoted and joined with dots. @throws TypeError for anything but lower-case letters, digits and `_` */
export function identifier(...names: readonly string[]): Fragment {
  for (const name of names)
    if (!/^[a-z_][a-z0-9_]{0,62}$/.test(name)) throw new TypeError(`${name} is no plain SQL name`)
  return new Piece([names.map((name) => `"${name}"`).join('.')], [])
}

function assertBindable(value: unknown): asserts value is BoundValue {
  if (isScalar(value) || (Array.isArray(value) && value.every((one) => one !== null && isScalar(one)))) return
  throw new TypeError(`SQL cannot bind a value of type ${typeof value}`)
}

function isScalar(value: unknown): boolean {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return true
  if (typeof value === 'number') return Number.isFinite(value)
  return value instanceof Date ? !Number.isNaN(value.getTime()) : Buffer.isBuffer(value)
}
