import { ConfigurationError } from './configuration-error.js'
import { withoutSlash } from './public-base-url.js'

/** Pages that a mail can point to. */
export type PageName = 'resetPassword' | 'verifyEmail' | 'signInLink' | 'confirmEmail' | 'undo'

/** The address of each page: a new URL each time. Throws if a function of `allowedOrigins` refuses the page's origin. */
export type Pages = Readonly<Record<'signIn' | PageName, () => URL>>

/** The pages of the host, and ours for each that the host does not have. */
export function pagesOf(
  given: (name: 'signIn' | PageName) => string | undefined,
  publicBaseUrl: URL,
  isOwnOrigin: (origin: string) => boolean,
): Pages {
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
    pageOf(`pages.${name}`, given(name as PageName) ?? path, publicBaseUrl, isOwnOrigin),
  ])
  return Object.freeze(Object.fromEntries(pages))
}

/** People are sent to own origins only. The origin is checked each time, because a function may decide. */
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
