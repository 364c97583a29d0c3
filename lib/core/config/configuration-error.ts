/**
 * An invalid setting. IdentSphere does not start with it. The message names the setting and the fix.
 *
 * @example
 * ```
 * IdentSphere cannot start: IDENTSPHERE_SECRETS is shorter than 32 bytes. Generate one with `openssl rand -base64 48`.
 * ```
 */
export class ConfigurationError extends Error {
  /** The invalid option or environment variable, e.g. `cookies.secure` or `DATABASE_URL`. */
  readonly setting: string

  constructor(setting: string, problem: string, fix: string) {
    super(`IdentSphere cannot start: ${setting} ${problem}. ${fix}`)
    this.name = 'ConfigurationError'
    this.setting = setting
  }
}
