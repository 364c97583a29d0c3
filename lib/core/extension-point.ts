/** A value that a feature adds to an {@link ExtensionPoint}. */
export interface Contribution {
  readonly point: ExtensionPoint<never>
  readonly value: unknown
}

/**
 * A typed list that one feature owns and later features add values to. The values are in the order of `lib/features.ts`.
 */
export interface ExtensionPoint<T> {
  /** E.g. `sign-in.secondFactors`. */
  readonly name: string
  of(value: T): Contribution
}

/**
 * @example
 * ```ts
 * export const secondFactors = extensionPoint<SecondFactor>('sign-in.secondFactors')
 * contributes: [secondFactors.of(totpFactor)]
 * ```
 */
export function extensionPoint<T>(name: string): ExtensionPoint<T> {
  const point: ExtensionPoint<T> = { name, of: (value) => ({ point, value }) }
  return point
}

/** Reads the contributions to a point. Throws while features are still opening, because the list is not complete then. */
export type Contributions = <T>(point: ExtensionPoint<T>) => readonly T[]

/** Collects contributions. They can be read after `complete()`. */
export function createContributions(): {
  read: Contributions
  add(contributions: readonly Contribution[]): void
  complete(): void
} {
  const values = new Map<ExtensionPoint<never>, unknown[]>()
  const none: readonly unknown[] = []
  let isComplete = false
  return {
    read<T>(point: ExtensionPoint<T>) {
      if (!isComplete) throw new Error(`${point.name} is read before all features are open`)
      return (values.get(point) ?? none) as readonly T[]
    },
    add(contributions) {
      for (const { point, value } of contributions) {
        const known = values.get(point)
        if (known === undefined) values.set(point, [value])
        else known.push(value)
      }
    },
    complete() {
      isComplete = true
    },
  }
}
