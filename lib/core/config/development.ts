/** Whether the host wants development behavior: by the option, or else by `NODE_ENV`. Other values mean production. */
export function asksForDevelopment(option: boolean | undefined, environment: NodeJS.ProcessEnv): boolean {
  return option ?? ['development', 'test'].includes(environment.NODE_ENV ?? '')
}
