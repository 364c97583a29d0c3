import { defineFeature } from '../../core/feature.js'
import { sixDigits } from '../../core/http/fields.js'
import { journalEntries } from '../../core/journal/journal.js'
import { mailRequests } from '../../core/mail/requests.js'
import { mfa } from '../mfa/feature.js'
import { passwords } from '../passwords/feature.js'
import { reauthenticationMethods } from '../sign-in/extension-points.js'
import { signIn } from '../sign-in/feature.js'
import { users } from '../users/feature.js'
import { securityChanged } from '../users/security-change.js'
import { actions } from './actions.js'
import { createAddressChange } from './address-change.js'
import { createEmailSignIn } from './email-sign-in.js'
import { createMailProofs, type MailProofs } from './mail-proofs.js'
import { createNotices } from './notices.js'
import { emailPersonalData } from './personal-data.js'
import { createCodeReauthentication } from './reauthentication.js'
import { requests } from './requests.js'
import { emailRoutes } from './routes.js'
import { emailSweeps } from './sweeps.js'
import { createVerification, type Verification } from './verification.js'

export interface Email {
  readonly proofs: MailProofs
  readonly verification: Verification
}

/** Mailed links and codes for verification, sign-in and change of the address, and notices about changes of the account. */
export const email = defineFeature<
  Email,
  { users: typeof users; signIn: typeof signIn; mfa: typeof mfa; passwords: typeof passwords }
>({
  name: 'email',
  tables: ['email_challenges'],
  needs: { users, signIn, mfa, passwords },
  keyPurposes: ['email'],
  actions,
  open(foundation, services) {
    const { store, keys, journal, outbox, links, contributions, canMail } = foundation
    const proofs = createMailProofs({ store, keys, journal, outbox, links, users: services.users })
    const parts = { store, journal, outbox, proofs, ...services }
    const verification = createVerification({ ...parts, contributions })
    const emailSignIn = createEmailSignIn(parts)
    const addressChange = createAddressChange(parts)
    const codeReauthentication = createCodeReauthentication({ ...parts, canMail })
    return {
      service: { proofs, verification },
      routes: () =>
        canMail
          ? emailRoutes({
              verification,
              emailSignIn,
              addressChange,
              reverts: proofs.reverts,
              codeReauthentication,
              mfa: services.mfa,
              signIn: services.signIn,
            })
          : [],
      jobs: emailSweeps(store),
      personalData: emailPersonalData,
      contributes: [
        journalEntries.of(createNotices({ outbox, links, users: services.users, proofs })),
        mailRequests.of(requests.verification.handledBy(verification.answer)),
        mailRequests.of(requests.code.handledBy(emailSignIn.answerCode)),
        mailRequests.of(requests.signInLink.handledBy(emailSignIn.answerLink)),
        mailRequests.of(requests.addressChange.handledBy(addressChange.answer)),
        reauthenticationMethods.of({ field: 'code', schema: sixDigits, prove: codeReauthentication.prove }),
        securityChanged.of(proofs.challenges.onSecurityChange),
      ],
    }
  },
})
