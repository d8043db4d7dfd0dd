import type { Check } from '../../src/guardrails/check.ts'
import type { Guard } from '../../src/guardrails/guard.ts'

/** A guard with the defaults of the configuration. */
export const guardOf = (name: string, check: Check, changes: Partial<Guard> = {}): Guard => ({
  name,
  check,
  action: 'block',
  respond: 'error',
  message: 'This was stopped by a content policy.',
  onError: 'block',
  timeoutMs: 2_000,
  ...changes,
})
