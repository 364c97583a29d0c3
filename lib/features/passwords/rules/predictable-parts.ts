/** What people type in a straight line: the alphabet, digits, and rows, columns and zigzags of common keyboards. */
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

/** Shorter ones turn up in random text too often. */
const minWalk = 3

const year = /(?:19|20)\d\d/g
const run = /(.)\1{2,}/gsu

/** Where something predictable begins and ends in a text, in UTF-16 units, the end not included. */
export type Part = readonly [start: number, end: number]

/**
 * The parts of a text that a guesser tries first wherever they stand: keyboard walks, sequences, years and one
 * character three times or more.
 *
 * @param text - in lower case.
 */
export function predictableParts(text: string): Part[] {
  const parts = [...text.matchAll(year), ...text.matchAll(run)].map(
    ({ index, 0: found }): Part => [index, index + found.length],
  )
  for (let start = 0; start < text.length; start += 1) {
    let end = start
    while (end < text.length && isWalk(text.slice(start, end + 1))) end += 1
    if (end - start >= minWalk) parts.push([start, end])
  }
  return parts
}

function isWalk(text: string): boolean {
  return walks.some((walk) => walk.includes(text))
}

/** Every place at which `word` stands in `text`. */
export function occurrences(text: string, word: string): Part[] {
  const parts: Part[] = []
  for (let start = text.indexOf(word); start !== -1; start = text.indexOf(word, start + 1)) {
    parts.push([start, start + word.length])
  }
  return parts
}

/**
 * Whether the parts together cover two thirds of a text. Half would refuse passphrases of four words, one of which is
 * long and common.
 */
export function isMostly(text: string, parts: readonly Part[]): boolean {
  const covered = new Set<number>()
  for (const [start, end] of parts) for (let at = start; at < end; at += 1) covered.add(at)
  return text.length > 0 && covered.size * 3 >= text.length * 2
}
