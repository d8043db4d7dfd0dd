import { resolve } from 'node:path'
import type { Command } from 'commander'
import { lintTree } from '../prompts/lint.ts'
import { formatProblem } from '../prompts/problem.ts'
import { readTreeFiles, type TreeFile } from '../prompts/tree.ts'
import { type CliContext, CommandExit, exitCodes } from './context.ts'
import { originsOf, readCheckout } from './prompts-git.ts'
import { labelCommands } from './prompts-labels.ts'
import { readingCommands } from './prompts-reading.ts'
import { table } from './table.ts'

type SyncReport = {
  dry_run: boolean
  unchanged: number
  changes: {
    kind: string
    name: string
    from: number | null
    to: number | null
    files: string[]
    patch: string
    settings: { path: string; from: unknown; to: unknown }[]
  }[]
}
type Summary = { name: string; latest: number; archived_at: string | null; description: string | null; labels: Record<string, number> }

/** `weir prompts …`: files in git become versions, labels say which of them serve. */
export const promptCommands = (program: Command, context: CliContext): void => {
  const prompts = program.command('prompts').description('sync, compare, label and render prompts')

  prompts
    .command('sync')
    .description('make the server hold what a folder of prompts holds; says first what that changes')
    .argument('[folder]', 'the whole tree of prompts', 'prompts')
    .option('--dry-run', 'say what would change, and change nothing')
    .option('--reason <text>', 'why, for the record')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  weir prompts sync --dry-run\n  weir prompts sync prompts --reason "release 12"')
    .action(async (folder: string, options: { dryRun?: boolean; reason?: string; json?: boolean }) => {
      const root = resolve(context.folder, folder)
      const files = await readTreeFiles(root)
      const plan = await requestSync(context, { files, dry_run: true })
      if (!options.json) printPlan(context, plan)
      if (options.dryRun || plan.changes.length === 0) {
        if (options.json) context.print(JSON.stringify(plan))
        return
      }
      const checkout = await readCheckout(root)
      const report = await requestSync(context, {
        files,
        reason: options.reason,
        git_commit: checkout?.commit ?? null,
        provenance:
          checkout &&
          (await originsOf(
            root,
            checkout,
            plan.changes.map(({ files: made }) => made),
          )),
      })
      context.print(options.json ? JSON.stringify(report) : `synced: ${counted(report)}`)
    })

  prompts
    .command('status')
    .description('where the folder, the latest versions and the labels differ')
    .argument('[folder]', 'the whole tree of prompts', 'prompts')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir prompts status')
    .action(async (folder: string, options: { json?: boolean }) => {
      const files = await readTreeFiles(resolve(context.folder, folder))
      const plan = await requestSync(context, { files, dry_run: true })
      const summaries = await listed(context)
      const behind = summaries.flatMap(({ name, latest, labels }) =>
        Object.entries(labels).flatMap(([label, version]) => (version === latest ? [] : { name, label, version, latest })),
      )
      if (options.json) return context.print(JSON.stringify({ changes: plan.changes, labels: behind }))
      printPlan(context, plan)
      for (const { name, label, version, latest } of behind)
        context.print(`${name}: ${label} serves version ${version}, the latest is ${latest}`)
    })

  prompts
    .command('lint')
    .description('check prompt files without a server; exit code 2 when they have faults')
    .argument('[folder]', 'the whole tree of prompts', 'prompts')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir prompts lint prompts')
    .action(async (folder: string, options: { json?: boolean }) => {
      const report = await lintTree(await readTreeFiles(resolve(context.folder, folder)))
      if (options.json) context.print(JSON.stringify(report))
      else for (const problem of report.problems) context.print(formatProblem(problem))
      if (report.problems.length > 0) throw new CommandExit(exitCodes.gateFailed)
      if (!options.json) context.print(`${report.prompts} prompts, no faults`)
    })

  prompts
    .command('list')
    .description('every prompt with its labels')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir prompts list --json')
    .action(async (options: { json?: boolean }) => {
      const data = await listed(context)
      if (options.json) return context.print(JSON.stringify(data))
      const labelText = (labels: Record<string, number>) =>
        Object.entries(labels)
          .map(([label, version]) => `${label}=${version}`)
          .join(' ')
      const rows = data.map((prompt) => [
        prompt.name,
        prompt.latest,
        labelText(prompt.labels),
        prompt.archived_at ? 'archived' : 'in the tree',
        prompt.description,
      ])
      context.print(table(['NAME', 'LATEST', 'LABELS', 'STATE', 'DESCRIPTION'], rows))
    })

  readingCommands(prompts, context)
  labelCommands(prompts, context)
}

type SyncBody = { files: TreeFile[]; dry_run?: boolean; reason?: string | undefined; git_commit?: string | null; provenance?: unknown }

const requestSync = async (context: CliContext, json: SyncBody): Promise<SyncReport> =>
  (await (await context.request('/admin/prompts/sync', { method: 'POST', json })).json()) as SyncReport

const listed = async (context: CliContext): Promise<Summary[]> =>
  ((await (await context.request('/admin/prompts')).json()) as { data: Summary[] }).data

const printPlan = (context: CliContext, { changes, unchanged }: SyncReport): void => {
  for (const { kind, name, from, to, patch, settings } of changes) {
    context.print(`${kind} ${name}${from === null ? '' : ` ${from}`}${to === null ? '' : ` → ${to}`}`)
    for (const change of settings) context.print(`  ${change.path}: ${valueText(change.from)} → ${valueText(change.to)}`)
    if (patch) context.print(patch.replace(/^/gm, '  ').trimEnd())
  }
  if (changes.length === 0) context.print(`nothing to change: ${unchanged} prompts are as in the folder`)
}

const valueText = (value: unknown): string => (value === undefined ? 'none' : JSON.stringify(value))

const counted = ({ changes, unchanged }: SyncReport): string => {
  const counts = new Map<string, number>()
  for (const { kind } of changes) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  return [...counts, ['unchanged', unchanged] as const].map(([kind, count]) => `${count} ${kind}`).join(', ')
}
