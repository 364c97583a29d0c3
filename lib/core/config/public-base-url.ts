import { ConfigurationError } from './configuration-error.js'

/** @throws ConfigurationError unless the text is an http(s) address without query, fragment and credentials */
export function parsePublicBaseUrl(text: string | undefined): URL {
  const fix =
    'Set it (or IDENTSPHERE_PUBLIC_BASE_URL) to the address of the router in browsers, e.g. https://app.example.com/identity.'
  if (text === undefined) {
    throw new ConfigurationError(
      'publicBaseUrl',
      'is missing',
      `${fix} In development, set NODE_ENV=development instead.`,
    )
  }
  if (!URL.canParse(text)) throw new ConfigurationError('publicBaseUrl', 'is not a URL', fix)
  const url = new URL(text)
  const plain = url.search === '' && url.hash === '' && url.username === '' && url.password === ''
  if (!plain || !['http:', 'https:'].includes(url.protocol)) {
    throw new ConfigurationError('publicBaseUrl', 'is not a plain http(s) address', fix)
  }
  return url
}

export function withoutSlash(text: string): string {
  return text.endsWith('/') ? text.slice(0, -1) : text
}
