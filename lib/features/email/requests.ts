import { mailRequest } from '../../core/mail/requests.js'

/** Mail requests of this feature. The worker handles them. */
export const requests = {
  verification: mailRequest<{ userId: string }>('verification'),
  code: mailRequest<{ email: string; flowHash: string }>('code'),
  signInLink: mailRequest<{ email: string }>('signInLink'),
  addressChange: mailRequest<{ userId: string; email: string }>('addressChange'),
}
