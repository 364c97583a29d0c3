/** Whether development behaviour is asked for: by the option, else by a `NODE_ENV` that is exactly `development` or `test`. */
export function asksForDevelopment(option: boolean | undefined, environment: NodeJS.ProcessEnv): boolean {
  return option ?? ['development', 'test'].includes(environment.NODE_ENV ?? '')
}
