import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { CliContext } from './context.ts'
import { table } from './table.ts'

type Interval = { low: number; high: number }
type ArmRow = {
  name: string
  n: number
  mean: number | null
  effect: {
    difference: number
    interval: Interval | null
    p: number
    adjusted_p: number | null
    lift: { value: number; interval: Interval | null; always_valid_interval: Interval | null } | null
    always_valid: { interval: Interval; p: number } | null
    minimum_detectable: number | null
  } | null
  verdict: { text: string } | null
}
type Report = {
  rollout: { id: string; candidate: string; stable: string } | null
  variants: { name: string; weight_percent: number; subjects: number; requests: number }[]
  split: { p: number; mismatch: boolean } | null
  metrics: {
    name: string
    basis: string
    primary: boolean
    role: string
    unmatched: number
    cuped_theta: number | null
    variants: ArmRow[]
  }[]
  conclusion: string
}

/** `weir experiments …`: which variant of a route does better. */
export const experimentCommands = (program: Command, context: CliContext): void => {
  const experiments = program.command('experiments').description('compare the variants of a route')

  experiments
    .command('list')
    .description('routes with several variants')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir experiments list')
    .action(async ({ json }: { json?: boolean }) => {
      const response = await context.request('/admin/experiments')
      const { data } = (await response.json()) as {
        data: { route: string; control: string; primary_metric: string | null; variants: { name: string; weight_percent: number }[] }[]
      }
      if (json) return context.print(JSON.stringify(data))
      const rows = data.map(({ route, control, primary_metric, variants }) => [
        route,
        variants.map(({ name, weight_percent }) => `${name} ${weight_percent} %`).join(', '),
        control,
        primary_metric,
      ])
      context.print(table(['ROUTE', 'VARIANTS', 'CONTROL', 'PRIMARY METRIC'], rows))
    })

  experiments
    .command('report')
    .description('what the feedback on each variant shows, with intervals and a verdict in words')
    .argument('<route>', 'the route')
    .option('--metric <name>', 'only this metric')
    .option('--from <time>', 'requests from: ISO date, or date-time with offset; inclusive')
    .option('--to <time>', 'requests to; exclusive')
    .option('--pre-from <time>', 'take out what subjects did between then and --from (CUPED)')
    .option('--tenant <name>', 'only this tenant')
    .option('--rollout <id>', 'compare the two sides of this rollout (default: of the one under way)')
    .option('--alpha <share>', 'risk of a difference that is not there', '0.05')
    .option('--json', 'print JSON')
    .option('--html <file>', 'write a self-contained page')
    .addHelpText(
      'after',
      '\nExamples:\n  weir experiments report assistant --metric solved\n  weir experiments report assistant --rollout 0198… --html report.html\n  weir experiments report assistant --from 2026-11-01 --pre-from 2026-10-01 --html report.html',
    )
    .action(async (route: string, { json, html, preFrom, ...same }: { json?: boolean; html?: string } & Record<string, string>) => {
      const query = new URLSearchParams({ ...same, ...(preFrom ? { pre_from: preFrom } : {}), ...(html ? { format: 'html' } : {}) })
      const response = await context.request(`/admin/experiments/${encodeURIComponent(route)}?${query}`)
      if (html) {
        const file = resolve(context.folder, html)
        await writeFile(file, await response.text())
        return context.print(`wrote ${file}`)
      }
      const report = (await response.json()) as Report
      context.print(json ? JSON.stringify(report) : text(report))
    })
}

const text = ({ rollout, variants, split, metrics, conclusion }: Report): string => {
  const traffic = variants.map(({ name, weight_percent, subjects, requests }) => [name, `${weight_percent} %`, subjects, requests])
  const fits = split?.mismatch ? 'does not fit the weights' : 'fits the weights'
  return [
    ...(rollout ? [`Rollout ${rollout.id}: candidate is ${rollout.candidate}, control an equal share on ${rollout.stable}.`] : []),
    table(['VARIANT', 'WEIGHT', 'SUBJECTS', 'REQUESTS'], traffic),
    split ? `The split ${fits} (sample ratio p = ${digits(split.p)}).` : 'There is nothing to compare yet.',
    ...metrics.map(metricText),
    `Conclusion: ${conclusion}`,
  ].join('\n\n')
}

const metricText = ({ name, basis, primary, role, unmatched, cuped_theta, variants }: Report['metrics'][number]): string => {
  const rows = variants.map(({ name: variant, n, mean, effect }) => [
    variant,
    n,
    digits(mean),
    digits(effect?.difference),
    range(effect?.interval),
    range(effect?.always_valid?.interval),
    liftText(effect, basis),
    digits(effect?.p),
    digits(effect?.adjusted_p),
    digits(effect?.minimum_detectable),
  ])
  return [
    `${name} (${primary ? 'primary, ' : ''}${role}${cuped_theta === null ? '' : `, adjusted for the past with theta ${digits(cuped_theta)}`})`,
    table(['VARIANT', 'N', 'MEAN', 'DIFFERENCE', 'ONE LOOK', 'ANY TIME', 'LIFT', 'P', 'P CORRECTED', 'DETECTABLE'], rows),
    ...variants.flatMap(({ name: variant, verdict }) => (verdict ? [`${variant}: ${verdict.text}`] : [])),
    ...(unmatched > 0 ? [`${unmatched} values name an answer whose trace has not arrived; they count once it has.`] : []),
  ].join('\n')
}

/** In per cent, with the interval that the verdict rests on. */
const liftText = (effect: ArmRow['effect'], basis: string): string | null => {
  if (!effect?.lift) return null
  const { value, interval, always_valid_interval } = effect.lift
  const held = basis === 'always_valid' ? always_valid_interval : interval
  return `${digits(value * 100)} %${held ? ` (${digits(held.low * 100)} … ${digits(held.high * 100)})` : ''}`
}

const digits = (value: number | null | undefined): string | null =>
  value === null || value === undefined ? null : String(Number(value.toPrecision(4)))
const range = (interval: Interval | null | undefined): string | null =>
  interval ? `${digits(interval.low)} … ${digits(interval.high)}` : null
