import { Html, html } from './html.js'
import type { MailContent, MailRecipient } from './message.js'

/** The link with which the owner reverts the reported change. */
export interface RevertLink {
  undoLink: string
  expiresInSeconds: number
}

/** Parameters of each mail. Links and codes are valid once. */
export interface MailParameters {
  /** To verify an address. */
  verifyEmail: { link: string; expiresInSeconds: number }
  /** Someone tried to register an address that already has an account. */
  alreadyRegistered: { signInLink: string; resetLink: string }
  resetPassword: { link: string; expiresInSeconds: number }
  signInCode: { code: string; expiresInSeconds: number }
  signInLink: { link: string; expiresInSeconds: number }
  /** For the reauthentication of a signed-in user. */
  confirmationCode: { code: string; expiresInSeconds: number }
  /** To the new address. */
  confirmNewEmail: { link: string; expiresInSeconds: number }
  /** To the old address, with a link to revert the change. */
  emailChanged: { newEmail: string } & RevertLink
  /** Notice: the password was changed. */
  passwordChanged: { resetLink: string }
  /** Notice with a link to revert the change. */
  passkeyAdded: RevertLink
  /** Notice: a passkey was removed. */
  passkeyRemoved: { resetLink: string }
  /** Notice: a refresh token was used twice, so its session was ended. */
  sessionReused: { resetLink: string }
  /** Notice with a link to revert the change: an authenticator app was set up. */
  mfaEnabled: RevertLink
  /** Notice: another authenticator app replaced the old one. */
  mfaReplaced: { resetLink: string }
  /** Notice: the authenticator app was removed. */
  mfaDisabled: { resetLink: string }
  /** Notice: new recovery codes replaced the old ones. */
  recoveryCodesRenewed: { resetLink: string }
  /** Notice: a sign-in used a recovery code. */
  recoveryCodeUsed: { resetLink: string }
  /** Notice: repeated wrong codes after the first factor. */
  secondFactorBlocked: { resetLink: string }
  invitation: { link: string; organizationName: string; inviterName: string; expiresInSeconds: number }
  /** Notice: the account was erased. */
  accountErased: Record<string, never>
}

/** Mails that report a change of the account. */
export type NoticeName =
  | 'passwordChanged'
  | 'passkeyAdded'
  | 'passkeyRemoved'
  | 'sessionReused'
  | 'mfaEnabled'
  | 'mfaReplaced'
  | 'mfaDisabled'
  | 'recoveryCodesRenewed'
  | 'recoveryCodeUsed'
  | 'secondFactorBlocked'
  | 'accountErased'

export type MailName = keyof MailParameters

/** Makes one mail. It may be asynchronous, e.g. to look up the language of the recipient. */
export type MailTemplate<Name extends MailName> = (
  parameters: MailParameters[Name],
  recipient: MailRecipient,
) => MailContent | Promise<MailContent>

export type MailTemplates = { readonly [Name in MailName]: MailTemplate<Name> }

/**
 * The default mails, in English. Strangers can choose only two of the parameters: the names of an organization and of an inviter.
 */
export const defaultTemplates: MailTemplates = {
  verifyEmail: ({ link, expiresInSeconds }) =>
    letter('Confirm your e-mail address', [
      'Please confirm that this is your e-mail address:',
      { link, label: 'Confirm the address' },
      `The link is valid once, for ${duration(expiresInSeconds)}. If you did not request it, ignore this mail.`,
    ]),
  alreadyRegistered: ({ signInLink, resetLink }) =>
    letter('You already have an account', [
      'Someone, probably you, tried to register with this address. It already has an account.',
      { link: signInLink, label: 'Sign in' },
      'If you have forgotten your password, choose a new one:',
      { link: resetLink, label: 'Choose a new password' },
    ]),
  resetPassword: ({ link, expiresInSeconds }) =>
    letter('Choose a new password', [
      'Someone, probably you, requested a new password for your account:',
      { link, label: 'Choose a new password' },
      `The link is valid once, for ${duration(expiresInSeconds)}. If you did not request it, ignore this mail. Your password does not change.`,
    ]),
  signInCode: ({ code, expiresInSeconds }) =>
    letter(`${code} is your sign-in code`, [
      'Enter this code on the sign-in page:',
      { code },
      `The code is valid once, for ${duration(expiresInSeconds)}. Never share it with anyone.`,
    ]),
  confirmationCode: ({ code, expiresInSeconds }) =>
    letter(`${code} is your confirmation code`, [
      'Enter this code to confirm your identity:',
      { code },
      `The code is valid once, for ${duration(expiresInSeconds)}. If you did not request it, someone else is signed in to your account. Choose a new password.`,
    ]),
  signInLink: ({ link, expiresInSeconds }) =>
    letter('Your sign-in link', [
      'Sign in with this link:',
      { link, label: 'Sign in' },
      `The link is valid once, for ${duration(expiresInSeconds)}. If you did not request it, ignore this mail.`,
    ]),
  confirmNewEmail: ({ link, expiresInSeconds }) =>
    letter('Confirm your new e-mail address', [
      'Please confirm that this is the new address of your account:',
      { link, label: 'Confirm the new address' },
      `The link is valid once, for ${duration(expiresInSeconds)}. If you did not request it, ignore this mail.`,
    ]),
  emailChanged: ({ newEmail, ...revertLink }) =>
    letter('The e-mail address of your account was changed', [
      `The address of your account is now ${newEmail}. If you did this, ignore this mail.`,
      'If not, restore your account with this link. It signs out all devices and asks for a new password:',
      ...restore(revertLink),
    ]),
  passwordChanged: ({ resetLink }) =>
    letter('Your password was changed', [
      'The password of your account was changed. If you did this, ignore this mail.',
      'If not, choose a new password now:',
      { link: resetLink, label: 'Choose a new password' },
    ]),
  passkeyAdded: (revertLink) =>
    letter('A passkey was added to your account', [
      'You can now sign in to your account with a new passkey. If you added it, ignore this mail.',
      'If not, restore your account with this link. It removes the passkey, signs out all devices and asks for a new password:',
      ...restore(revertLink),
    ]),
  passkeyRemoved: ({ resetLink }) =>
    letter('A passkey was removed from your account', [
      'A passkey was removed. It no longer signs in to your account. If you did this, ignore this mail.',
      'If not, choose a new password now:',
      { link: resetLink, label: 'Choose a new password' },
    ]),
  sessionReused: ({ resetLink }) =>
    letter('We signed out one of your devices', [
      'A token of one of your sessions was used twice. It may have been copied, so we ended the session.',
      'If you notice anything unusual, choose a new password:',
      { link: resetLink, label: 'Choose a new password' },
    ]),
  mfaEnabled: (revertLink) =>
    letter('Two-step sign-in was turned on', [
      'Signing in to your account now requires a code from an authenticator app. If you did this, ignore this mail.',
      'If not, restore your account with this link. It removes the app, signs out all devices and asks for a new password:',
      ...restore(revertLink),
    ]),
  mfaReplaced: ({ resetLink }) =>
    letter('Your authenticator app was replaced', [
      'Signing in to your account now requires a code from a new authenticator app. If you did this, ignore this mail.',
      'If not, choose a new password now:',
      { link: resetLink, label: 'Choose a new password' },
    ]),
  mfaDisabled: ({ resetLink }) =>
    letter('Two-step sign-in was turned off', [
      'Signing in to your account no longer requires a code. If you did this, ignore this mail.',
      'If not, choose a new password now, and set up your authenticator app again:',
      { link: resetLink, label: 'Choose a new password' },
    ]),
  recoveryCodesRenewed: ({ resetLink }) =>
    letter('Your account has new recovery codes', [
      'New recovery codes were created for your account. The old codes are no longer valid. If you did this, ignore this mail.',
      'If not, choose a new password now, and create new recovery codes:',
      { link: resetLink, label: 'Choose a new password' },
    ]),
  recoveryCodeUsed: ({ resetLink }) =>
    letter('A recovery code of your account was used', [
      'Someone signed in to your account with one of your recovery codes. That code is no longer valid.',
      'If it was you, set up your authenticator app again now. If not, choose a new password now:',
      { link: resetLink, label: 'Choose a new password' },
    ]),
  secondFactorBlocked: ({ resetLink }) =>
    letter('Wrong codes were entered for your account', [
      'Someone passed the first step of the sign-in to your account, and then entered wrong codes.',
      'If it was not you, someone else probably knows your password. Choose a new one now:',
      { link: resetLink, label: 'Choose a new password' },
    ]),
  invitation: ({ link, organizationName, inviterName, expiresInSeconds }) =>
    letter(`Invitation to ${organizationName}`, [
      `${inviterName} invites you to ${organizationName}:`,
      { link, label: 'View the invitation' },
      `The link is valid once, for ${duration(expiresInSeconds)}. If you did not expect this invitation, ignore this mail.`,
    ]),
  accountErased: () =>
    letter('Your account was deleted', ['Your account and all its data were deleted, as you requested.']),
}

type Paragraph = string | { link: string; label: string } | { code: string }

function restore({ undoLink, expiresInSeconds }: RevertLink): Paragraph[] {
  return [{ link: undoLink, label: 'This was not me' }, `The link is valid once, for ${duration(expiresInSeconds)}.`]
}

/** A mail as text and HTML with the same paragraphs. */
function letter(subject: string, paragraphs: readonly Paragraph[]): MailContent {
  const text = paragraphs.map((part) => (typeof part === 'string' ? part : 'code' in part ? part.code : part.link))
  const body = new Html(paragraphs.map((part) => paragraph(part).text).join('\n'))
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${subject}</title></head>
<body style="margin:0;padding:24px;font:16px/1.5 sans-serif;color:#1a1a1a;background:#fff">
<div style="max-width:32em">
${body}
</div></body></html>`
  return { subject, text: `${text.join('\n\n')}\n`, html: page.text }
}

function paragraph(part: Paragraph): Html {
  if (typeof part === 'string') return html`<p>${part}</p>`
  if ('code' in part) return html`<p style="font:bold 28px/1.5 monospace;letter-spacing:.2em">${part.code}</p>`
  return html`<p><a href="${part.link}">${part.label}</a></p>`
}

/** `600` → `10 minutes`. */
function duration(seconds: number): string {
  const [amount, unit] =
    seconds >= 172_800
      ? [seconds / 86_400, 'day']
      : seconds >= 7_200
        ? [seconds / 3_600, 'hour']
        : [seconds / 60, 'minute']
  const whole = Math.floor(amount)
  return `${whole} ${unit}${whole === 1 ? '' : 's'}`
}
