import type { PageName } from '../mail/links.js'
import type { Config } from './config.js'
import { ConfigurationError } from './configuration-error.js'
import type { IdentSphereOptions } from './options.js'
import { withoutSlash } from './public-base-url.js'

/** The host's own pages, and ours where it has none. */
export function pagesOf(
  given: NonNullable<IdentSphereOptions['pages']>,
  publicBaseUrl: URL,
  isOwnOrigin: (origin: string) => boolean,
): Config['pages'] {
  const mount = withoutSlash(publicBaseUrl.pathname)
  const ours: Record<'signIn' | PageName, string> = {
    signIn: '/',
    resetPassword: `${mount}/v1/pages/reset-password`,
    verifyEmail: `${mount}/v1/pages/verify-email`,
    signInLink: `${mount}/v1/pages/sign-in-link`,
    confirmEmail: `${mount}/v1/pages/confirm-email`,
    undo: `${mount}/v1/pages/undo`,
  }
  const pages = Object.entries(ours).map(([name, path]) => [
    name,
    pageOf(`pages.${name}`, given[name as PageName] ?? path, publicBaseUrl, isOwnOrigin),
  ])
  return Object.freeze(Object.fromEntries(pages))
}

/** A page's address. People are sent nowhere but to own origins, so it is looked at each time where a function decides. */
function pageOf(name: string, page: string, publicBaseUrl: URL, isOwnOrigin: (origin: string) => boolean): () => URL {
  return () => {
    const url = URL.canParse(page, publicBaseUrl.origin) ? new URL(page, publicBaseUrl.origin) : null
    if (url !== null && isOwnOrigin(url.origin) && url.username === '' && url.password === '') return url
    throw new ConfigurationError(
      name,
      'is not on an own origin',
      'Give a path, or an address whose origin is that of publicBaseUrl or in allowedOrigins.',
    )
  }
}
