/** The answer of every guarded route, so that all servers write the same number of bytes. */
export interface GuardedAnswer {
  user_id: string
  organization_id: string
  role: string
}

/** For servers that know no organizations or no users. */
export const sampleAnswer: GuardedAnswer = {
  user_id: '00000000-0000-7000-8000-000000000001',
  organization_id: '00000000-0000-7000-8000-000000000000',
  role: 'admin',
}
