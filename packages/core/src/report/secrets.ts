import { REDACTED } from './report.ts'

export function hideSecrets(text: string): string {
  return text.replace(/Bearer \w+/g, `Bearer ${REDACTED}`)
}

export function isSecretName(name: string): boolean {
  return /password|token|secret|authorization/i.test(name)
}
