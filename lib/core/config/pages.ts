import { ConfigurationError } from './configuration-error.js'
import { withoutSlash } from './public-base-url.js'

/** Pages that mails link to. */
export type PageName = 'resetPassword' | 'verifyEmail' | 'signInLink' | 'confirmEmail' | 'undo'

/** Returns the address of each page. Throws if `allowedOrigins` is a function and refuses the page's origin. */
export type Pages = Readonly<Record<'signIn' | PageName, () => URL>>

/** The pages of the host. Built-in pages replace those that the host does not have. */
export function pagesOf(
  given: (name: 'signIn' | PageName) => string | undefined,
  publicBaseUrl: URL,
  isOwnOrigin: (origin: string) => boolean,
): Pages {
  const mount = withoutSlash(publicBaseUrl.pathname)
  const builtIn: Record<'signIn' | PageName, string> = {
    signIn: '/',
    resetPassword: `${mount}/v1/pages/reset-password`,
    verifyEmail: `${mount}/v1/pages/verify-email`,
    signInLink: `${mount}/v1/pages/sign-in-link`,
    confirmEmail: `${mount}/v1/pages/confirm-email`,
    undo: `${mount}/v1/pages/undo`,
  }
  const pages = Object.entries(builtIn).map(([name, path]) => [
    name,
    pageOf(`pages.${name}`, given(name as PageName) ?? path, publicBaseUrl, isOwnOrigin),
  ])
  return Object.freeze(Object.fromEntries(pages))
}

/** Pages must be on an own origin. The origin is checked at each call, because `allowedOrigins` may be a function. */
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
