/** The most used passwords in known breaches. */
export interface CommonPasswords {
  /** Common passwords of at least four characters that occur in a folded text. */
  within(text: string): Set<string>
}

/** Shorter words occur in most texts. */
const minWordCharacters = 4

let loaded: Promise<CommonPasswords> | undefined

/**
 * The list of `@zxcvbn-ts/language-common`, with about 49,000 passwords from breaches. The first call loads it from disk, which
 * takes about 40 ms and 5 MB.
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
  const maxWordCharacters = Math.max(...Array.from(words, (word) => word.length))
  return {
    within(text) {
      const found = new Set<string>()
      for (let start = 0; start + minWordCharacters <= text.length; start += 1) {
        const end = Math.min(start + maxWordCharacters, text.length)
        for (let length = minWordCharacters; start + length <= end; length += 1) {
          const word = text.slice(start, start + length)
          if (words.has(word)) found.add(word)
        }
      }
      return found
    },
  }
}
