import type { Answer } from './client.js'

/** One `Set-Cookie` line of an answer, taken apart. */
export interface SetCookie {
  name: string
  value: string
  /** By lower-case name; `true` where an attribute has no value. */
  attributes: Record<string, string | true>
  line: string
}

export function setCookies(answer: Answer): SetCookie[] {
  return (answer.headers['set-cookie'] ?? []).map((line) => {
    const [pair = '', ...rest] = line.split('; ')
    const separator = pair.indexOf('=')
    const attributes = rest.map((part): [string, string | true] => {
      const [name = '', value] = part.split('=', 2)
      return [name.toLowerCase(), value ?? true]
    })
    return {
      name: pair.slice(0, separator),
      value: pair.slice(separator + 1),
      attributes: Object.fromEntries(attributes),
      line,
    }
  })
}

/** Names of the cookies that an answer sets to nothing, sorted. */
export function clearedCookies(answer: Answer): string[] {
  return setCookies(answer)
    .filter((cookie) => cookie.attributes['max-age'] === '0' && cookie.value === '')
    .map((cookie) => cookie.name)
    .sort()
}

/** The `Cookie` header of a browser that keeps everything an answer set, under its name on the wire. */
export function cookieHeader(answer: Answer): string {
  return setCookies(answer)
    .filter((cookie) => cookie.value !== '')
    .map((cookie) => `${cookie.name}=${cookie.value}`)
    .join('; ')
}
