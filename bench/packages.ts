/**
 * Loads a package that only `bench/package.json` lists. The types are written at the call, because `tsc` runs
 * without these packages. The name is not a literal for the same reason.
 */
export async function loadPackage<T>(name: string): Promise<T> {
  return (await import(name)) as T
}
