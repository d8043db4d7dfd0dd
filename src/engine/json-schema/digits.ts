/**
 * Decimal numbers of a range as rows of digit classes, each row one alternative: 8..12 is `[8-9]` and `1[0-2]`.
 * `decimals` of the digits come after the point; bounds count in units of the last decimal.
 */
export const rangeRows = (low: bigint, high: bigint, decimals: number): string[] => {
  const rows: string[] = []
  if (low < 0n) {
    const largest = high < 0n ? -high : 1n
    for (const row of positiveRows(largest, -low, decimals)) rows.push(`"-" ${spell(row, decimals)}`)
  }
  if (high >= 0n) for (const row of positiveRows(low > 0n ? low : 0n, high, decimals)) rows.push(spell(row, decimals))
  return rows
}

type Digits = [from: number, to: number][]

const positiveRows = (low: bigint, high: bigint, decimals: number): Digits[] => {
  const rows: Digits[] = []
  const shortest = decimals + 1
  for (let length = Math.max(shortest, String(low).length); length <= Math.max(shortest, String(high).length); length++) {
    const least = length === shortest ? 0n : 10n ** BigInt(length - 1)
    const most = 10n ** BigInt(length) - 1n
    const from = low > least ? low : least
    const to = high < most ? high : most
    if (from <= to) rows.push(...between(String(from).padStart(length, '0'), String(to).padStart(length, '0')))
  }
  return rows
}

/** Both of one length, `low` ≤ `high`. */
const between = (low: string, high: string): Digits[] => {
  if (low === '') return [[]]
  if (/^0*$/.test(low) && /^9*$/.test(high)) return [Array.from(low, () => [0, 9] as [number, number])]
  const [first, last] = [Number(low[0]), Number(high[0])]
  const [lowRest, highRest] = [low.slice(1), high.slice(1)]
  const after = (digit: number, rows: Digits[]): Digits[] => rows.map((row) => [[digit, digit], ...row])
  if (first === last) return after(first, between(lowRest, highRest))
  const nines = '9'.repeat(lowRest.length)
  const zeros = '0'.repeat(highRest.length)
  const whole = (from: number, to: number): Digits[] =>
    from > to ? [] : [[[from, to], ...Array.from(lowRest, () => [0, 9] as [number, number])]]
  const lowWhole = lowRest === zeros
  const highWhole = highRest === nines
  return [
    ...(lowWhole ? [] : after(first, between(lowRest, nines))),
    ...whole(lowWhole ? first : first + 1, highWhole ? last : last - 1),
    ...(highWhole ? [] : after(last, between(zeros, highRest))),
  ]
}

const spell = (row: Digits, decimals: number): string => {
  const classes = row.map(([from, to]) => (from === to ? `"${from}"` : `[${from}-${to}]`))
  if (decimals > 0) classes.splice(classes.length - decimals, 0, '"."')
  return classes.join(' ')
}
