import type { PageName, Pages } from '../config/pages.js'

/** Links in mails. They derive from `publicBaseUrl`, never from request headers. */
export interface Links {
  signIn(): string
  /** @param token is put into the fragment, which browsers do not send to servers or in `Referer` */
  page(name: PageName, token?: string): string
}

/** @see CVE-2026-29067 links built from `X-Forwarded-Host` */
export function createLinks(pages: Pages): Links {
  return {
    signIn: () => pages.signIn().href,
    page: (name, token) => pages[name]().href + (token === undefined ? '' : `#token=${token}`),
  }
}
