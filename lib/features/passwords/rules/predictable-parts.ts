/** The alphabet, digits, and rows, columns and zigzags of common keyboards. */
const lines = [
  'abcdefghijklmnopqrstuvwxyz',
  '01234567890',
  '`1234567890-=',
  'qwertyuiop[]',
  "asdfghjkl;'",
  'zxcvbnm,./',
  'qwertzuiop',
  'yxcvbnm',
  'azertyuiop',
  'qsdfghjklm',
  'wxcvbn',
  '!@#$%^&*()_+',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/',
  'qazwsxedcrfvtgbyhnujm',
  '1q2w3e4r5t6y7u8i9o0p',
]
const walks = [...lines, ...lines.map((line) => [...line].reverse().join(''))]

/** Shorter walks are too frequent in random text. */
const minWalkCharacters = 3

const year = /(?:19|20)\d\d/g
const run = /(.)\1{2,}/gsu

/** Position of a predictable part in UTF-16 units, without the end. */
export type Part = readonly [start: number, end: number]

/**
 * Finds keyboard walks, sequences, years, and one character three or more times.
 *
 * @param text in lower case
 */
export function predictableParts(text: string): Part[] {
  const parts = [...text.matchAll(year), ...text.matchAll(run)].map(
    ({ index, 0: found }): Part => [index, index + found.length],
  )
  for (let start = 0; start < text.length; start += 1) {
    let end = start
    while (end < text.length && isWalk(text.slice(start, end + 1))) end += 1
    if (end - start >= minWalkCharacters) parts.push([start, end])
  }
  return parts
}

function isWalk(text: string): boolean {
  return walks.some((walk) => walk.includes(text))
}

/** All occurrences of `word` in `text`. */
export function occurrences(text: string, word: string): Part[] {
  const parts: Part[] = []
  for (let start = text.indexOf(word); start !== -1; start = text.indexOf(word, start + 1)) {
    parts.push([start, start + word.length])
  }
  return parts
}

/**
 * Whether the parts together cover two thirds of a text. With one half, a passphrase of four words with one long common word
 * would be refused.
 */
export function isMostly(text: string, parts: readonly Part[]): boolean {
  const covered = new Set<number>()
  for (const [start, end] of parts) for (let at = start; at < end; at += 1) covered.add(at)
  return text.length > 0 && covered.size * 3 >= text.length * 2
}
