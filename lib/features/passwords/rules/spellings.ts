const leet: Record<string, string> = { '@': 'a', '4': 'a', '3': 'e', '0': 'o', $: 's', '5': 's', '7': 't', '+': 't' }

/** In lower case and without accents: `Pässwörd` and `password` are one to a guesser. */
export function fold(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()
}

/**
 * The folded text as it stands, and with the usual substitutions undone: once with `1`, `!` and `|` for an i, once for
 * an l. All have the same length, so that a place in one is the same place in the others.
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
