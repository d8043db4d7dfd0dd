import { readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { SingleBar } from 'cli-progress'
import { type Command, InvalidArgumentError } from 'commander'
import { html } from '../evals/reports/html.ts'
import type { EvalReportJson, EvalRunJson, ScoresJson } from '../evals/reports/json.ts'
import { junit } from '../evals/reports/junit.ts'
import { markdown } from '../evals/reports/markdown.ts'
import { digits, percent, usd } from '../evals/reports/words.ts'
import { AppError, type ErrorCode, retryable } from '../lib/errors.ts'
import { type CliContext, CommandExit, exitCodes } from './context.ts'
import { evalText } from './evals-text.ts'
import { ndjson } from './ingest-lines.ts'
import { judgesCommand } from './judges.ts'
import { readCheckout } from './prompts-git.ts'
import { table } from './table.ts'

type Outputs = { json?: boolean; junit?: string; markdown?: string; html?: string }
type RunOptions = Outputs & {
  baseline?: string
  variant?: string
  resume?: string
  outputs?: string
  cache: boolean
  tag?: string[]
  repeats?: number
  concurrency?: number
  budget?: number
}

/** `weir eval …`: suites run through the production path, compared and gated. Exit codes: 0 ok, 1 usage or infrastructure, 2 failed gate, 3 undecided. */
export const evalCommands = (program: Command, context: CliContext): void => {
  const evals = program.command('eval').alias('evals').description('run evaluation suites, compare runs, and gate on them')

  withOutputs(
    evals
      .command('run')
      .description('ask a suite and judge the answers; exit code 0 ok, 1 usage or infrastructure, 2 regression or failed gate, 3 undecided')
      .argument('<suite>', 'a file, or the name of one in evals/')
      .option('--baseline <run>', 'compare with a run: its id, the name or hash of a variant, or latest')
      .option('--variant <name>', 'of the route, in place of the one that most subjects get')
      .option('--resume <run>', 'go on with an interrupted run; what was answered is not asked again')
      .option('--outputs <file>', 'judge recorded answers, JSON lines of {"id", "output"}, and ask nothing')
      .option('--no-cache', 'ask again what was asked before')
      .option('--tag <tag...>', 'only cases with one of these tags')
      .option('--repeats <n>', 'answers to each case', positive)
      .option('--concurrency <n>', 'answers at the same time', positive)
      .option('--budget <usd>', 'stop when so much is spent', Number),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  weir eval run assistant\n  weir eval run evals/assistant.yaml --baseline latest --junit eval.junit.xml --markdown eval.md\n  weir eval run assistant --variant candidate --baseline stable --html eval.html\n  weir eval run assistant --outputs answers.jsonl',
    )
    .action(async (suite: string, options: RunOptions) => {
      const report = await follow(context, await start(context, suite, options), options.json ?? false)
      await publish(context, report, options)
      exitFor(report)
    })

  scoresCommand(evals, context)
  judgesCommand(evals, context)

  evals
    .command('list')
    .description('runs, the newest first')
    .option('--suite <name>', 'only of this suite')
    .option('--limit <n>', 'how many', '20')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir eval list --suite assistant')
    .action(async ({ json, ...query }: { json?: boolean; suite?: string; limit: string }) => {
      const response = await context.request(`/admin/evals/runs?${new URLSearchParams(query)}`)
      const { data } = (await response.json()) as { data: EvalRunJson[] }
      if (json) return context.print(JSON.stringify(data))
      const rows = data.map(({ id, suite, variant, status, gate, summary, started_at }) => [
        id,
        suite,
        variant,
        status,
        gate,
        summary?.pass_rate === null || summary === null ? null : `${Math.round(summary.pass_rate * 1000) / 10} %`,
        started_at.slice(0, 16),
      ])
      context.print(table(['RUN', 'SUITE', 'VARIANT', 'STATUS', 'GATE', 'PASSED', 'STARTED'], rows))
    })

  withOutputs(
    evals
      .command('show')
      .description('a run, compared with another when one is named; exit code as of `run`')
      .argument('<run>', 'its id')
      .option('--baseline <run>', 'a run, a variant, or latest'),
  )
    .addHelpText('after', '\nExample:\n  weir eval show 0198c0de-… --baseline stable --html eval.html')
    .action(async (run: string, options: Outputs & { baseline?: string }) => {
      const query = options.baseline === undefined ? '' : `?${new URLSearchParams({ baseline: options.baseline })}`
      const report = (await (await context.request(`/admin/evals/runs/${encodeURIComponent(run)}${query}`)).json()) as EvalReportJson
      await publish(context, report, options)
      exitFor(report)
    })

  withOutputs(
    evals
      .command('compare')
      .description('two runs, case by case; exit code as of `run`')
      .argument('<baseline>', 'a run, a variant, or latest')
      .argument('<run>', 'the id of the newer run'),
  )
    .addHelpText('after', '\nExample:\n  weir eval compare stable 0198c0de-…')
    .action(async (baseline: string, run: string, options: Outputs) => {
      const query = new URLSearchParams({ baseline })
      const report = (await (await context.request(`/admin/evals/runs/${encodeURIComponent(run)}?${query}`)).json()) as EvalReportJson
      await publish(context, report, options)
      exitFor(report)
    })
}

const scoresCommand = (evals: Command, context: CliContext): void => {
  evals
    .command('scores')
    .description('what scorers made of the live answers of a route, by variant')
    .requiredOption('--route <name>', 'the route')
    .option('--from <time>', 'answers from: ISO date, or date-time with offset; inclusive')
    .option('--to <time>', 'answers to; exclusive')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir eval scores --route assistant --from 2026-11-20')
    .action(async ({ json, ...query }: { json?: boolean; route: string; from?: string; to?: string }) => {
      const told = (await (await context.request(`/admin/evals/scores?${new URLSearchParams(query)}`)).json()) as Scores
      if (json) return context.print(JSON.stringify(told))
      const rows = told.data.map((one) => [
        one.scorer,
        one.variant,
        one.answers,
        one.undetermined,
        digits(one.mean),
        one.pass_rate === null ? null : percent(one.pass_rate),
        one.interval && `${percent(one.interval.low)} … ${percent(one.interval.high)}`,
        usd(one.cost_usd),
      ])
      context.print(table(['SCORER', 'VARIANT', 'ANSWERS', 'UNDETERMINED', 'MEAN', 'PASSED', '95 %', 'COST'], rows))
      const cap = told.max_usd_per_day === null ? '' : ` of ${told.max_usd_per_day} USD`
      context.note(`${told.sample_percent} % of live answers are scored; spent today: ${usd(told.spent_today_usd)}${cap}`)
      if (told.paused !== null) context.note(`paused: ${told.paused}`)
    })
}

type Scores = {
  sample_percent: number
  spent_today_usd: number | null
  max_usd_per_day: number | null
  paused: string | null
  data: ScoresJson[]
}

const withOutputs = (command: Command): Command =>
  command
    .option('--json', 'print the report as JSON')
    .option('--junit <file>', 'write JUnit XML')
    .option('--markdown <file>', 'write Markdown, for a pull request')
    .option('--html <file>', 'write a self-contained page with every case')

const positive = (text: string): number => {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('must be a whole number from 1 on')
  return Number(text)
}

const start = async (context: CliContext, suite: string, options: RunOptions): Promise<Response> => {
  const path = await suitePath(context, suite)
  const text = await readFile(path, 'utf8')
  const names = [...text.matchAll(/\$\{([A-Za-z_][A-Za-z0-9_]*)/g)].map((match) => match[1] ?? '')
  const checkout = await readCheckout(dirname(path))
  return context.request('/admin/evals/runs', {
    method: 'POST',
    json: {
      file: basename(path),
      text,
      files: await datasetFiles(text, dirname(path)),
      environment: Object.fromEntries(
        names.flatMap((name) => (context.environment[name] === undefined ? [] : [[name, context.environment[name]]])),
      ),
      variant: options.variant,
      baseline: options.baseline,
      resume: options.resume,
      outputs: options.outputs === undefined ? undefined : await readText(resolve(context.folder, options.outputs)),
      use_cache: options.cache,
      tags: options.tag,
      repeats: options.repeats,
      concurrency: options.concurrency,
      budget_usd: options.budget,
      git_commit: checkout?.commit,
    },
  })
}

const suitePath = async (context: CliContext, suite: string): Promise<string> => {
  const tried = [resolve(context.folder, suite), ...['.yaml', '.yml'].map((ending) => join(context.folder, 'evals', `${suite}${ending}`))]
  for (const path of tried) if ((await readFile(path).catch(() => undefined)) !== undefined) return path
  const known = (await readdir(join(context.folder, 'evals')).catch(() => []))
    .filter((file) => /\.ya?ml$/.test(file))
    .map((file) => file.replace(/\.ya?ml$/, ''))
    .sort()
  throw new AppError(
    'not_found',
    `there is no suite ${suite}${known.length > 0 ? `; evals/ has ${known.join(', ')}` : ', and no folder evals/ here'}`,
  )
}

/** Files that a suite may mean; the server says when one is missing. */
const datasetFiles = async (text: string, folder: string): Promise<Record<string, string>> => {
  const files: Record<string, string> = {}
  for (const [, quoted = ''] of text.matchAll(/(?:file:\s*|file:\/\/)["']?([^\s"'}\],]+\.(?:jsonl|ndjson|csv))/g)) {
    const content = await readFile(resolve(folder, quoted), 'utf8').catch(() => undefined)
    if (content !== undefined) files[quoted] = content
  }
  return files
}

const readText = async (path: string): Promise<string> => {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new AppError('not_found', `cannot read ${path}`, { cause })
  }
}

type Line =
  | { type: 'started'; run: string; total: number; done: number; variant: string | null }
  | { type: 'progress'; done: number; total: number; case: string }
  | { type: 'error'; code: string; message: string }
  | { type: 'done'; report: EvalReportJson }

const follow = async (context: CliContext, response: Response, json: boolean): Promise<EvalReportJson> => {
  const bar = context.interactive && !json ? new SingleBar({ format: '{bar} {value}/{total} {case}', stream: process.stderr }) : undefined
  let run = ''
  try {
    for await (const one of ndjson(response)) {
      const line = one as unknown as Line
      switch (line.type) {
        case 'started':
          run = line.run
          context.note(
            `run ${line.run}${line.variant ? ` on ${line.variant}` : ''}${line.done > 0 ? `, ${line.done} of ${line.total} answered before` : ''}`,
          )
          bar?.start(line.total, line.done, { case: '' })
          break
        case 'progress':
          bar?.update(line.done, { case: line.case })
          break
        case 'error':
          throw new AppError(Object.hasOwn(retryable, line.code) ? (line.code as ErrorCode) : 'internal', line.message)
        case 'done':
          return line.report
      }
    }
  } finally {
    bar?.stop()
  }
  throw new AppError('unavailable', `the server stopped before it was done${run ? `: go on with --resume ${run}` : ''}`)
}

const publish = async (context: CliContext, report: EvalReportJson, outputs: Outputs): Promise<void> => {
  for (const [kind, render] of [
    ['junit', junit],
    ['markdown', markdown],
    ['html', html],
  ] as const) {
    const file = outputs[kind]
    if (file === undefined) continue
    await writeFile(resolve(context.folder, file), render(report))
    context.note(`wrote ${file}`)
  }
  context.print(outputs.json ? JSON.stringify(report) : evalText(report))
}

const exitFor = ({ gate }: EvalReportJson): void => {
  const code = { ok: exitCodes.ok, error: exitCodes.usage, failed: exitCodes.gateFailed, undecided: exitCodes.undecided }[gate]
  if (code !== exitCodes.ok) throw new CommandExit(code)
}
