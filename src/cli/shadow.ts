import type { Command } from 'commander'
import type { CliContext } from './context.ts'
import { table } from './table.ts'

type Difference = { mean: number; low: number; high: number; p: number }
type Measure = { n: number; live_median: number; shadow_median: number; difference: Difference } | null
type Shares = { live: number; shadow: number; p: number } | null
type Report = {
  route: string
  variant: string
  pairs: number
  newest_at: string | null
  answered: number
  failures: Shares
  latency_ms: Measure
  cost_usd: Measure
  completion_tokens: Measure
  with_text: number
  same_text: number | null
  refusals: Shares
  similarity: { n: number; mean: number; lowest_tenth: number } | null
  preference: {
    judge: string
    n: number
    shadow: number
    live: number
    ties: number
    undetermined: number
    share: Difference | null
    cost_usd: number | null
  } | null
}

/** `weir routes shadow`: what a shadow answered next to what users got. */
export const shadowCommand = (routes: Command, context: CliContext): void => {
  routes
    .command('shadow')
    .description('compare the answers of a shadow with those that users got, pair by pair')
    .argument('<route>')
    .option('--variant <name>', 'whose copies (default: of the shadow in force)')
    .option('--from <time>', 'copies from: ISO date, or date-time with offset; inclusive')
    .option('--to <time>', 'copies to; exclusive')
    .option('--limit <n>', 'the newest pairs to read', '1000')
    .option('--embedder <model>', 'tells how alike two answers are (default: the only one that is configured)')
    .option('--judge <model>', 'also ask this model which answer is better, in both orders: it costs what two answers a pair cost')
    .option('--pairs <n>', 'pairs that the judge is asked of', '50')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  weir routes shadow support\n  weir routes shadow support --judge gpt-large --pairs 100 --json')
    .action(
      async (route: string, { json, limit, pairs, ...same }: { json?: boolean; limit: string; pairs: string } & Record<string, string>) => {
        const body = { ...same, limit: Number(limit), pairs: Number(pairs) }
        const response = await context.request(`/admin/shadows/${encodeURIComponent(route)}`, { method: 'POST', json: body })
        const report = (await response.json()) as Report
        if (json) return context.print(JSON.stringify(report))
        if (report.pairs === 0) return context.print(`no copy of ${report.variant} has been recorded yet: is its sample_percent above 0?`)
        context.note(
          `${report.pairs} pairs of ${report.route}/${report.variant}, newest ${report.newest_at}; both answered in ${report.answered}`,
        )
        context.print(table(['', 'LIVE', 'SHADOW', 'DIFFERENCE', '95 %', 'P'], rowsOf(report)))
        for (const line of linesOf(report)) context.print(line)
      },
    )
}

const rowsOf = ({ pairs, with_text, failures, refusals, latency_ms, cost_usd, completion_tokens }: Report) => [
  ...sharesRow('failures', failures, pairs),
  ...measureRow('latency, ms', latency_ms, 1),
  ...measureRow('cost, USD', cost_usd, 6),
  ...measureRow('output tokens', completion_tokens, 1),
  ...sharesRow('refusals', refusals, with_text),
]

const sharesRow = (name: string, shares: Shares, of: number) =>
  shares === null ? [] : [[name, `${shares.live} of ${of}`, `${shares.shadow} of ${of}`, shares.shadow - shares.live, null, pOf(shares.p)]]

const measureRow = (name: string, measure: Measure, decimals: number) => {
  if (measure === null) return []
  const { live_median, shadow_median, difference } = measure
  const [live, shadow, mean, low, high] = [live_median, shadow_median, difference.mean, difference.low, difference.high].map((value) =>
    value.toFixed(decimals),
  )
  return [[name, live ?? null, shadow ?? null, mean ?? null, `${low} … ${high}`, pOf(difference.p)]]
}

const pOf = (p: number): string => (p < 0.001 ? '< 0.001' : p.toFixed(3))

const linesOf = ({ with_text, same_text, similarity, preference }: Report): string[] => [
  with_text === 0
    ? 'no texts are kept (defaults.payloads), so nothing is told of refusals and likeness'
    : `${same_text} of ${with_text} word for word the same`,
  ...(similarity ? [`likeness ${similarity.mean.toFixed(3)} on average; a tenth is below ${similarity.lowest_tenth.toFixed(3)}`] : []),
  ...(preference
    ? [
        `${preference.judge} prefers the shadow ${preference.shadow} times, the live answer ${preference.live} times, neither ${preference.ties} times` +
          (preference.undetermined > 0 ? `; ${preference.undetermined} without a verdict` : '') +
          (preference.share
            ? ` (${(100 * preference.share.mean).toFixed(0)} %, ${(100 * preference.share.low).toFixed(0)} to ${(100 * preference.share.high).toFixed(0)} %)`
            : '') +
          `; asking cost ${preference.cost_usd === null ? 'an unknown amount' : `$${preference.cost_usd.toFixed(4)}`}`,
      ]
    : []),
]
