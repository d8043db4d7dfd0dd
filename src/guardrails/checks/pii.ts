import { findPii, type PiiOptions, piiReach } from '../../lib/pii.ts'
import type { Check } from '../check.ts'

/** Personal data and secrets. See `findPii`. */
export const pii = (options: PiiOptions): Check => ({
  reads: { kind: 'chars', chars: piiReach },
  find: async (text) => {
    const spans = findPii(text, options).map(({ kind, start, end }) => ({ start, end, label: kind }))
    return spans.length === 0 ? undefined : { labels: [...new Set(spans.map(({ label }) => label))], spans }
  },
})
