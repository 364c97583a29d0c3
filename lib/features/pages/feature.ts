import { defineFeature } from '../../core/feature.js'
import { passwords } from '../passwords/feature.js'
import { clientRoutes, pageRoutes } from './routes.js'

/** Built-in pages for links in mails, and the browser client as one file. */
export const pages = defineFeature<null, { passwords: typeof passwords }>({
  name: 'pages',
  needs: { passwords },
  open({ settings }, services) {
    const { mailer } = settings
    return {
      service: null,
      routes: () => [
        ...clientRoutes(),
        ...(mailer === null
          ? []
          : pageRoutes({ settings, minLength: services.passwords.minLength, mailbox: mailer.mailbox })),
      ],
    }
  },
})
