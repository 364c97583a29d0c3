import { ConfigurationError } from './configuration-error.js'

/** @throws ConfigurationError for what is no plain http(s) address */
export function parsePublicBaseUrl(text: string | undefined): URL {
  const fix =
    'Give the address under which browsers see the router, e.g. https://app.example.com/identity, here or in IDENTSPHERE_PUBLIC_BASE_URL.'
  if (text === undefined) {
    throw new ConfigurationError(
      'publicBaseUrl',
      'is missing',
      `${fix} While you develop, set NODE_ENV=development instead.`,
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
