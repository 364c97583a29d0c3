import type { Config } from '../config/config.js'

/** Pages that a mail can point to. */
export type PageName = 'resetPassword' | 'verifyEmail' | 'signInLink' | 'confirmEmail' | 'undo'

/** Addresses in mails. They come from `publicBaseUrl`, never from a request's headers. */
export interface Links {
  signIn(): string
  /** @param token goes into the fragment, which no server, proxy or `Referer` gets to see */
  page(name: PageName, token?: string): string
}

/** @see CVE-2026-29067 links built from `X-Forwarded-Host` */
export function createLinks(config: Pick<Config, 'pages'>): Links {
  return {
    signIn: () => config.pages.signIn().href,
    page: (name, token) => config.pages[name]().href + (token === undefined ? '' : `#token=${token}`),
  }
}
