const leet: Record<string, string> = { '@': 'a', '4': 'a', '3': 'e', '0': 'o', $: 's', '5': 's', '7': 't', '+': 't' }

/** Converts to lower case without accents, so that `Pässwörd` and `password` are equal. */
export function fold(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()
}

/**
 * Returns the folded text, and the same with substitutions reversed: once with `1`, `!` and `|` as i, once as l. All have the
 * same length, so positions can be compared.
 *
 * @example
 * ```ts
 * spellings('P@ssw0rd1') // ['p@ssw0rd1', 'passwordi', 'passwordl']
 * ```
 */
export function spellings(text: string): string[] {
  const plain = fold(text)
  const letters = plain.replace(/[@430$57+]/g, (character) => leet[character] ?? character)
  return [...new Set([plain, letters.replace(/[1!|]/g, 'i'), letters.replace(/[1!|]/g, 'l')])]
}
