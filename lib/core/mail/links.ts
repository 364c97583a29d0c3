import type { PageName, Pages } from '../config/pages.js'

/** Addresses in mails. They come from `publicBaseUrl`, never from a request's headers. */
export interface Links {
  signIn(): string
  /** @param token goes into the fragment, which no server, proxy or `Referer` gets to see */
  page(name: PageName, token?: string): string
}

/** @see CVE-2026-29067 links built from `X-Forwarded-Host` */
export function createLinks(pages: Pages): Links {
  return {
    signIn: () => pages.signIn().href,
    page: (name, token) => pages[name]().href + (token === undefined ? '' : `#token=${token}`),
  }
}
