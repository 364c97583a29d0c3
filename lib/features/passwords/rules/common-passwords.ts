/** The most used passwords of known breaches. */
export interface CommonPasswords {
  /** The distinct ones, of at least four characters, that stand anywhere in a folded text. */
  within(text: string): Set<string>
}

/** Shorter ones are in every text. */
const minWord = 4

let loaded: Promise<CommonPasswords> | undefined

/**
 * The list that comes with `@zxcvbn-ts/language-common`: about 49,000 entries of common breach corpora. It is
 * unpacked at the first call, which takes some 40 ms and 5 MB once, and never asks the network.
 *
 * @see https://github.com/zxcvbn-ts/zxcvbn
 */
export function commonPasswords(): Promise<CommonPasswords> {
  loaded ??= load()
  return loaded
}

async function load(): Promise<CommonPasswords> {
  const { dictionary } = await import('@zxcvbn-ts/language-common')
  const words = new Set(dictionary['passwords-common'])
  const maxWord = Math.max(...Array.from(words, (word) => word.length))
  return {
    within(text) {
      const found = new Set<string>()
      for (let start = 0; start + minWord <= text.length; start += 1) {
        const end = Math.min(start + maxWord, text.length)
        for (let length = minWord; start + length <= end; length += 1) {
          const word = text.slice(start, start + length)
          if (words.has(word)) found.add(word)
        }
      }
      return found
    },
  }
}
