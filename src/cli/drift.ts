import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import type { AlertEventJson, AlertJson, MonitorReportJson, ReplayJson, SilenceJson, StatusJson } from '../monitors/json.ts'
import { type CliContext, CommandExit, exitCodes } from './context.ts'
import { referenceCommands } from './drift-references.ts'
import { replaysTable, reportText } from './drift-text.ts'
import { table } from './table.ts'

/** `weir drift …`: what changed in the traffic of monitored routes, and who looks after it. */
export const driftCommands = (program: Command, context: CliContext): void => {
  const drift = program.command('drift').description('follow what changes in the traffic of monitored routes')
  const read = async <Body>(path: string) => (await (await context.request(path)).json()) as Body
  const post = async <Body>(path: string, json: unknown) => (await (await context.request(path, { method: 'POST', json })).json()) as Body

  drift
    .command('status')
    .description('how every monitored variant stands')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir drift status')
    .action(async ({ json }: { json?: boolean }) => {
      const { routes, data } = await read<{ routes: string[]; data: StatusJson[] }>('/admin/monitors')
      if (json) return context.print(JSON.stringify(data))
      if (routes.length === 0) return context.print('No route is under monitors in weir.yaml.')
      const rows = data.map(({ route, variant, reference, window, findings, alerts, verdict }) => [
        ...[route, variant, reference.version, window?.to.slice(0, 16), window?.requests],
        ...[
          findings
            .filter(({ drifted }) => drifted)
            .map(({ signal }) => signal)
            .join(' '),
          alerts.length,
          verdict.kind,
        ],
      ])
      if (rows.length > 0)
        context.print(table(['ROUTE', 'VARIANT', 'REFERENCE', 'WINDOW TO', 'REQUESTS', 'DRIFTED', 'ALERTS', 'VERDICT'], rows))
      for (const route of routes.filter((name) => !data.some((one) => one.route === name))) {
        context.print(`${route} has no reference: weir drift reference create --route ${route} --last 1000 --reason "…"`)
      }
    })

  drift
    .command('report')
    .description('what drifts on a route: who changed, findings, and requests that show it')
    .argument('<route>', 'a monitored route')
    .option('--variant <name>', 'only this variant')
    .option('--json', 'print JSON')
    .option('--html <file>', 'write a self-contained page')
    .addHelpText('after', '\nExamples:\n  weir drift report support\n  weir drift report support --html drift.html')
    .action(async (route: string, { variant, json, html }: { variant?: string; json?: boolean; html?: string }) => {
      const query = new URLSearchParams({ ...(variant ? { variant } : {}), ...(html ? { format: 'html' } : {}) })
      const response = await context.request(`/admin/monitors/${encodeURIComponent(route)}/report?${query}`)
      if (html) {
        const file = resolve(context.folder, html)
        await writeFile(file, await response.text())
        return context.print(`wrote ${file}`)
      }
      const report = (await response.json()) as MonitorReportJson
      context.print(json ? JSON.stringify(report) : reportText(report))
    })

  drift
    .command('alerts')
    .description('alerts that nobody resolved, newest first; one with its history when named')
    .argument('[alert]', 'an id')
    .option('--route <name>', 'only of this route')
    .option('--state <state>', 'open, acknowledged, resolved or all')
    .option('--limit <n>', 'how many', '50')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  weir drift alerts\n  weir drift alerts --route support --state all\n  weir drift alerts 0198c0de-…',
    )
    .action(async (id: string | undefined, { json, ...filter }: { json?: boolean } & Record<string, string>) => {
      if (id !== undefined) {
        const alert = await read<AlertJson & { events: AlertEventJson[] }>(`/admin/monitors/alerts/${encodeURIComponent(id)}`)
        if (json) return context.print(JSON.stringify(alert))
        context.print(
          `${alert.route} ${alert.variant}: ${alert.signal} (${alert.tag}) is ${alert.state}${alert.owner ? `, ${alert.owner} looks after it` : ''}`,
        )
        return context.print(
          table(
            ['AT', 'EVENT', 'BY', 'NOTE'],
            alert.events.map(({ at, kind, actor, note }) => [at, kind, actor, note]),
          ),
        )
      }
      const { data } = await read<{ data: AlertJson[] }>(`/admin/monitors/alerts?${new URLSearchParams(filter)}`)
      if (json) return context.print(JSON.stringify(data))
      const rows = data.map((one) => [
        one.id,
        one.route,
        one.variant,
        one.signal,
        one.tag,
        one.state,
        one.owner,
        one.opened_at.slice(0, 16),
      ])
      context.print(
        rows.length === 0 ? 'No alerts.' : table(['ID', 'ROUTE', 'VARIANT', 'SIGNAL', 'ABOUT', 'STATE', 'OWNER', 'OPENED'], rows),
      )
    })

  drift
    .command('ack')
    .description('say that somebody looks after an alert')
    .argument('<alert>', 'an id')
    .option('--owner <name>', 'who (default: you)')
    .option('--note <text>', 'what you know')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir drift ack 0198c0de-… --owner ann --note "the campaign of this week"')
    .action(async (id: string, { owner = context.actor, note, json }: { owner?: string; note?: string; json?: boolean }) => {
      const alert = await post<AlertJson>(`/admin/monitors/alerts/${encodeURIComponent(id)}/acknowledge`, { owner, note })
      context.print(json ? JSON.stringify(alert) : `${alert.owner} looks after ${alert.signal} of ${alert.route}`)
    })

  for (const [name, description, done] of [
    ['resolve', 'close an alert; drift that goes on opens another', 'is resolved'],
    ['note', 'write something beside an alert', 'has a note more'],
  ] as const) {
    drift
      .command(name)
      .description(description)
      .argument('<alert>', 'an id')
      .requiredOption('--note <text>', 'for those who come after')
      .option('--json', 'print JSON')
      .addHelpText('after', `\nExample:\n  weir drift ${name} 0198c0de-… --note "a new reference was made"`)
      .action(async (id: string, { note, json }: { note: string; json?: boolean }) => {
        const alert = await post<AlertJson>(`/admin/monitors/alerts/${encodeURIComponent(id)}/${name}`, { note })
        context.print(json ? JSON.stringify(alert) : `the alert of ${alert.signal} of ${alert.route} ${done}`)
      })
  }

  drift
    .command('silence')
    .description('open no alerts of a route for a time; without a route: list the silences')
    .argument('[route]', 'a monitored route')
    .option('--signal <name>', 'only of this signal')
    .option('--from <time>', 'ISO date, or date-time with offset (default: now)')
    .option('--to <time>', 'until when')
    .option('--for <hours>', 'for how many hours, in place of --to', hours)
    .option('--reason <text>', 'why, for the record')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  weir drift silence support --for 24 --reason "load test"\n  weir drift silence')
    .action(
      async (
        route: string | undefined,
        options: { signal?: string; from?: string; to?: string; for?: number; reason?: string; json?: boolean },
      ) => {
        const { signal, from, to, reason, json } = options
        if (route === undefined) {
          const { data } = await read<{ data: SilenceJson[] }>('/admin/monitors/silences')
          if (json) return context.print(JSON.stringify(data))
          const rows = data.map((one) => [
            one.route,
            one.signal ?? 'all',
            one.from.slice(0, 16),
            one.to.slice(0, 16),
            one.actor,
            one.reason,
          ])
          return context.print(rows.length === 0 ? 'Nothing is silenced.' : table(['ROUTE', 'SIGNAL', 'FROM', 'TO', 'BY', 'REASON'], rows))
        }
        const until =
          to ??
          (options.for === undefined ? undefined : new Date((from ? Date.parse(from) : Date.now()) + options.for * 3_600_000).toISOString())
        const silence = await post<SilenceJson>('/admin/monitors/silences', { route, signal, from, to: until, reason })
        context.print(
          json ? JSON.stringify(silence) : `${silence.signal ?? 'every signal'} of ${silence.route} is silent until ${silence.to}`,
        )
      },
    )

  drift
    .command('replay')
    .description('ask the golden set of a route now, and compare the answers with the first ones; exit code 2 when they moved')
    .argument('<route>', 'a monitored route')
    .requiredOption('--reason <text>', 'why, for the record')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir drift replay support --reason "the host announced a new version"')
    .action(async (route: string, { reason, json }: { reason: string; json?: boolean }) => {
      const replay = await post<ReplayJson>(`/admin/monitors/${encodeURIComponent(route)}/replays`, { reason })
      context.print(json ? JSON.stringify(replay) : replaysTable([replay]))
      if (replay.status === 'failed') throw new CommandExit(exitCodes.usage)
      if (replay.moved) throw new CommandExit(exitCodes.gateFailed)
    })

  drift
    .command('replays')
    .description('replays of the golden set of a route, newest first')
    .argument('<route>', 'a monitored route')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir drift replays support')
    .action(async (route: string, { json }: { json?: boolean }) => {
      const { data } = await read<{ data: ReplayJson[] }>(`/admin/monitors/${encodeURIComponent(route)}/replays`)
      context.print(json ? JSON.stringify(data) : data.length === 0 ? 'The golden set was not asked yet.' : replaysTable(data))
    })

  referenceCommands(drift, context)
}

const hours = (text: string): number => {
  const value = Number(text)
  if (!(value > 0 && value <= 24 * 365)) throw new InvalidArgumentError('must be a number of hours')
  return value
}
