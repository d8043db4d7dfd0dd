import { type Command, InvalidArgumentError } from 'commander'
import type { ReferenceJson } from '../monitors/json.ts'
import type { CliContext } from './context.ts'
import { table } from './table.ts'

/** `weir drift reference …`: what later traffic is compared with. */
export const referenceCommands = (drift: Command, context: CliContext): void => {
  const reference = drift.command('reference').description('keep what the traffic of a variant is like, to compare later traffic with')

  reference
    .command('create')
    .description('keep the traffic of a time, or the newest requests; windows from then on are compared with it')
    .requiredOption('--route <name>', 'a monitored route')
    .option('--variant <name>', 'a variant (default: the one that most subjects get)')
    .option('--from <time>', 'requests from: ISO date, or date-time with offset; inclusive')
    .option('--to <time>', 'requests to; exclusive')
    .option('--last <n>', 'the newest so many requests, in place of a time', whole)
    .requiredOption('--reason <text>', 'why, for the record')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  weir drift reference create --route support --last 1000 --reason "release 12 looks good"\n  weir drift reference create --route support --from 2026-11-01 --to 2026-11-08 --reason "a usual week"',
    )
    .action(async ({ json, ...wish }: { json?: boolean } & Record<string, unknown>) => {
      const response = await context.request('/admin/monitors/references', { method: 'POST', json: wish })
      const made = (await response.json()) as ReferenceJson
      context.print(
        json
          ? JSON.stringify(made)
          : `reference ${made.version} of ${made.variant} (${made.route}): ${made.requests} requests, ${made.from} to ${made.to}`,
      )
    })

  reference
    .command('list')
    .description('references, newest first')
    .option('--route <name>', 'only of this route')
    .option('--variant <name>', 'only of this variant')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir drift reference list --route support')
    .action(async ({ json, ...filter }: { json?: boolean } & Record<string, string>) => {
      const response = await context.request(`/admin/monitors/references?${new URLSearchParams(filter)}`)
      const { data } = (await response.json()) as { data: ReferenceJson[] }
      if (json) return context.print(JSON.stringify(data))
      const rows = data.map((one) => [
        ...[one.id, one.route, one.variant, one.variant_hash.slice(0, 12), one.version, one.requests],
        ...[one.from.slice(0, 16), one.to.slice(0, 16), one.created_by, one.reason],
      ])
      context.print(
        rows.length === 0
          ? 'No references.'
          : table(['ID', 'ROUTE', 'VARIANT', 'HASH', 'VERSION', 'REQUESTS', 'FROM', 'TO', 'BY', 'REASON'], rows),
      )
    })

  reference
    .command('show')
    .description('a reference and what it holds of each signal')
    .argument('<reference>', 'an id')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir drift reference show 0198c0de-…')
    .action(async (id: string, { json }: { json?: boolean }) => {
      const response = await context.request(`/admin/monitors/references/${encodeURIComponent(id)}`)
      const found = (await response.json()) as ReferenceJson & { signals: { signal: string; kind: string; n: number; kept: number }[] }
      if (json) return context.print(JSON.stringify(found))
      context.print(
        `reference ${found.version} of ${found.variant} (${found.route}): ${found.requests} requests, ${found.from} to ${found.to}. ${found.reason}`,
      )
      context.print(
        table(
          ['SIGNAL', 'KIND', 'VALUES', 'KEPT'],
          found.signals.map(({ signal, kind, n, kept }) => [signal, kind, n, kept]),
        ),
      )
    })
}

const whole = (text: string): number => {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('must be a whole number from 1 on')
  return Number(text)
}
