import type { Check } from '../check.ts'

/** How far back a stream is held for a pattern. A longer match is still found in whole texts. */
const reach = 256

/** Regular expressions, without regard to case. Their author is the operator, whose patterns are not bounded for them. */
export const pattern = (sources: readonly string[]): Check => {
  const expressions = sources.map((source) => new RegExp(source, 'giu'))
  return {
    reads: { kind: 'chars', chars: reach },
    find: async (text) => {
      const spans = expressions.flatMap((expression) =>
        [...text.matchAll(expression)]
          .filter((match) => match[0] !== '')
          .map((match) => ({ start: match.index, end: match.index + match[0].length, label: 'removed' })),
      )
      return spans.length === 0 ? undefined : { labels: ['pattern'], spans }
    },
  }
}
