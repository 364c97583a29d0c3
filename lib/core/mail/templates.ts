import { Html, html } from './html.js'
import type { MailContent, MailRecipient } from './message.js'

/** The link with which the owner undoes the change that a mail reports. */
export interface RevertLink {
  undoLink: string
  expiresInSeconds: number
}

/** What each mail is told. Links and codes are single use; durations are in seconds. */
export interface MailParameters {
  /** Proves that the address belongs to who registered with it. */
  verifyEmail: { link: string; expiresInSeconds: number }
  /** Somebody registered with an address that has an account. */
  alreadyRegistered: { signInLink: string; resetLink: string }
  resetPassword: { link: string; expiresInSeconds: number }
  signInCode: { code: string; expiresInSeconds: number }
  signInLink: { link: string; expiresInSeconds: number }
  /** To somebody who is signed in, and is asked again who they are. */
  confirmationCode: { code: string; expiresInSeconds: number }
  /** To the new address. */
  confirmNewEmail: { link: string; expiresInSeconds: number }
  /** To the old address, with the way back. */
  emailChanged: { newEmail: string } & RevertLink
  /** Notice: the password was changed. */
  passwordChanged: { resetLink: string }
  /** Notice: a passkey signs in from now on; with the way back. */
  passkeyAdded: RevertLink
  /** Notice: a passkey signs in no more. */
  passkeyRemoved: { resetLink: string }
  /** Notice: a refresh token came twice, and its session was ended. */
  sessionReused: { resetLink: string }
  /** Notice: signing in now asks for a code of an authenticator app; with the way back. */
  mfaEnabled: RevertLink
  /** Notice: another authenticator app is asked for than before. */
  mfaReplaced: { resetLink: string }
  /** Notice: signing in asks for no second factor any more. */
  mfaDisabled: { resetLink: string }
  /** Notice: there are new recovery codes, and the old ones are void. */
  recoveryCodesRenewed: { resetLink: string }
  /** Notice: somebody signed in with a recovery code. */
  recoveryCodeUsed: { resetLink: string }
  /** Notice: somebody who has a first factor guesses at the second one. */
  secondFactorBlocked: { resetLink: string }
  invitation: { link: string; organizationName: string; inviterName: string; expiresInSeconds: number }
  /** Notice: the account and everything about it is gone. */
  accountErased: Record<string, never>
}

/** Mails that tell a user what happened to the account. Each gets a link for a new password, or a {@link RevertLink}. */
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

/** Names of the mails that IdentSphere sends. */
export type MailName = keyof MailParameters

/** Makes one mail. May be asynchronous, for hosts that look the recipient's language up. */
export type MailTemplate<Name extends MailName> = (
  parameters: MailParameters[Name],
  recipient: MailRecipient,
) => MailContent | Promise<MailContent>

export type MailTemplates = { readonly [Name in MailName]: MailTemplate<Name> }

/** The mails of the product, in English. Nothing in them was chosen by a stranger but an organisation's and an inviter's name. */
export const defaultTemplates: MailTemplates = {
  verifyEmail: ({ link, expiresInSeconds }) =>
    letter('Confirm your e-mail address', [
      'Please confirm that this is your e-mail address:',
      { link, label: 'Confirm the address' },
      `The link works once, for ${duration(expiresInSeconds)}. If you did not ask for it, do nothing.`,
    ]),
  alreadyRegistered: ({ signInLink, resetLink }) =>
    letter('You already have an account', [
      'Somebody, probably you, tried to register with this address. It has an account already.',
      { link: signInLink, label: 'Sign in' },
      'If you have forgotten your password, choose a new one:',
      { link: resetLink, label: 'Choose a new password' },
    ]),
  resetPassword: ({ link, expiresInSeconds }) =>
    letter('Choose a new password', [
      'Somebody, probably you, asked for a new password for this account:',
      { link, label: 'Choose a new password' },
      `The link works once, for ${duration(expiresInSeconds)}. If you did not ask for it, do nothing: your password stays.`,
    ]),
  signInCode: ({ code, expiresInSeconds }) =>
    letter(`${code} is your sign-in code`, [
      'Enter this code where you asked for it:',
      { code },
      `It works once, for ${duration(expiresInSeconds)}. Never tell it to anybody, whoever asks.`,
    ]),
  confirmationCode: ({ code, expiresInSeconds }) =>
    letter(`${code} confirms that it is you`, [
      'Enter this code where you are signed in:',
      { code },
      `It works once, for ${duration(expiresInSeconds)}. If you did not ask for it, somebody else is signed in as you: choose a new password.`,
    ]),
  signInLink: ({ link, expiresInSeconds }) =>
    letter('Your sign-in link', [
      'Sign in with this link:',
      { link, label: 'Sign in' },
      `It works once, for ${duration(expiresInSeconds)}. If you did not ask for it, do nothing.`,
    ]),
  confirmNewEmail: ({ link, expiresInSeconds }) =>
    letter('Confirm your new e-mail address', [
      'Please confirm that this is to be the address of your account:',
      { link, label: 'Confirm the new address' },
      `The link works once, for ${duration(expiresInSeconds)}. If you did not ask for it, do nothing.`,
    ]),
  emailChanged: ({ newEmail, ...revertLink }) =>
    letter('The e-mail address of your account was changed', [
      `The address of your account is now ${newEmail}. If that was you, there is nothing to do.`,
      'If it was not, take the account back. That signs everybody out and asks for a new password:',
      ...takeBack(revertLink),
    ]),
  passwordChanged: ({ resetLink }) =>
    letter('Your password was changed', [
      'The password of your account was changed. If that was you, there is nothing to do.',
      'If it was not, choose a new one now:',
      { link: resetLink, label: 'Choose a new password' },
    ]),
  passkeyAdded: (revertLink) =>
    letter('A passkey was added to your account', [
      'A passkey was added, and signs in to your account from now on. If that was you, there is nothing to do.',
      'If it was not, take the account back. That removes the passkey, signs everybody out and asks for a new password:',
      ...takeBack(revertLink),
    ]),
  passkeyRemoved: ({ resetLink }) =>
    letter('A passkey was removed from your account', [
      'A passkey was removed, and signs in to your account no more. If that was you, there is nothing to do.',
      'If it was not, choose a new password now:',
      { link: resetLink, label: 'Choose a new password' },
    ]),
  sessionReused: ({ resetLink }) =>
    letter('We signed one of your devices out', [
      'A part of one of your sessions was used twice, as happens when it has been copied. We ended that session.',
      'If you notice anything unusual, choose a new password:',
      { link: resetLink, label: 'Choose a new password' },
    ]),
  mfaEnabled: (revertLink) =>
    letter('Your account now asks for a second step', [
      'Signing in to your account now takes a code of an authenticator app. If that was you, there is nothing to do.',
      'If it was not, take the account back. That removes the app, signs everybody out and asks for a new password:',
      ...takeBack(revertLink),
    ]),
  mfaReplaced: ({ resetLink }) =>
    letter('Your authenticator app was replaced', [
      'Signing in to your account now takes a code of another authenticator app than before. If that was you, there is nothing to do.',
      'If it was not, choose a new password now:',
      { link: resetLink, label: 'Choose a new password' },
    ]),
  mfaDisabled: ({ resetLink }) =>
    letter('Your account asks for no second step any more', [
      'Signing in to your account takes no code any more. If that was you, there is nothing to do.',
      'If it was not, choose a new password now, and set the second step up again:',
      { link: resetLink, label: 'Choose a new password' },
    ]),
  recoveryCodesRenewed: ({ resetLink }) =>
    letter('Your account has new recovery codes', [
      'New recovery codes were made for your account. The old ones work no more. If that was you, there is nothing to do.',
      'If it was not, choose a new password now, and make new recovery codes:',
      { link: resetLink, label: 'Choose a new password' },
    ]),
  recoveryCodeUsed: ({ resetLink }) =>
    letter('A recovery code of your account was used', [
      'Somebody signed in to your account with one of your recovery codes. It works no more.',
      'If that was you, set your authenticator app up again now. If it was not, choose a new password now:',
      { link: resetLink, label: 'Choose a new password' },
    ]),
  secondFactorBlocked: ({ resetLink }) =>
    letter('Somebody tries to guess your sign-in codes', [
      'Somebody got past the first step of signing in to your account and entered wrong codes at the second one.',
      'If that was not you, somebody else probably knows your password. Choose a new one now:',
      { link: resetLink, label: 'Choose a new password' },
    ]),
  invitation: ({ link, organizationName, inviterName, expiresInSeconds }) =>
    letter(`Invitation to ${organizationName}`, [
      `${inviterName} invites you to ${organizationName}:`,
      { link, label: 'Look at the invitation' },
      `The link works once, for ${duration(expiresInSeconds)}. If you expected no invitation, do nothing.`,
    ]),
  accountErased: () =>
    letter('Your account was deleted', ['Your account and everything about it was deleted, as you asked.']),
}

type Paragraph = string | { link: string; label: string } | { code: string }

function takeBack({ undoLink, expiresInSeconds }: RevertLink): Paragraph[] {
  return [{ link: undoLink, label: 'This was not me' }, `The link works once, for ${duration(expiresInSeconds)}.`]
}

/** One letter as text and as HTML, from the same paragraphs. */
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
