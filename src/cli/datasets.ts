import { readFile, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import type { AgreementJson, DatasetItemJson, DatasetJson } from '../evals/datasets/json.ts'
import { digits, percent } from '../evals/reports/words.ts'
import { AppError } from '../lib/errors.ts'
import type { CliContext } from './context.ts'
import { table } from './table.ts'

/** `weir datasets …`: from production to cases and training examples, with people in between. */
export const datasetCommands = (program: Command, context: CliContext): void => {
  const datasets = program.command('datasets').description('draw conversations from production, review them, and export them')

  datasets
    .command('create')
    .description(
      'draw live conversations into the next version of a dataset; personal data and secrets are redacted before anything is stored',
    )
    .argument('<name>', 'of the dataset')
    .option('--from <source>', 'traces, or feedback for answers with a demonstration', 'traces')
    .option(
      '--where <condition...>',
      'route=, variant=, variant_hash=, tenant=, status=, from=, to=, metadata.KEY=, "feedback.METRIC<1", "feedback.METRIC>0"',
    )
    .option('--limit <n>', 'at most so many, the newest', wholeNumber, 100)
    .option('--redact <kinds>', 'email,phone,card,iban,ip,secret (default: all)')
    .requiredOption('--reason <text>', 'why, for the record')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  weir datasets create hard --where route=support "feedback.solved<1" from=2026-11-01 --reason "what went wrong this month"\n  weir datasets create shown --from feedback --where route=support --reason "what people would have said"',
    )
    .action(async (name: string, options: CreateOptions) => {
      const json = {
        name,
        from: options.from,
        where: (options.where ?? []).reduce(withCondition, {}),
        limit: options.limit,
        redact: options.redact?.split(','),
        reason: options.reason,
      }
      const made = (await (await context.request('/admin/datasets', { method: 'POST', json })).json()) as DatasetJson
      if (options.json) return context.print(JSON.stringify(made))
      context.print(`${made.name} version ${made.version}: ${made.items} items, all pending`)
      context.print(redacted(made))
      const skipped = Object.entries(made.source.skipped as Record<string, number>).filter(([, count]) => count > 0)
      if (skipped.length > 0) context.note(`not taken: ${skipped.map(([why, count]) => `${count} ${why.replaceAll('_', ' ')}`).join(', ')}`)
      context.note(`weir datasets queue ${made.name} shows what waits for people`)
    })

  datasets
    .command('list')
    .description('datasets, or the versions of one')
    .argument('[name]', 'of one dataset')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir datasets list')
    .action(async (name: string | undefined, { json }: { json?: boolean }) => {
      const response = await context.request(`/admin/datasets${name === undefined ? '' : `/${encodeURIComponent(name)}`}`)
      const { data } = (await response.json()) as { data: DatasetJson[] }
      if (json) return context.print(JSON.stringify(data))
      const rows = data.map((one) => {
        const { pending, approved, corrected, rejected } = one.counts as Record<string, number>
        return [one.name, one.version, one.items, pending, approved, corrected, rejected, one.created_by, one.created_at.slice(0, 16)]
      })
      context.print(table(['NAME', 'VERSION', 'ITEMS', 'PENDING', 'APPROVED', 'CORRECTED', 'REJECTED', 'BY', 'CREATED'], rows))
    })

  datasets
    .command('queue')
    .description('items that wait for people, or those of another status')
    .argument('<name>', 'of the dataset')
    .option('--version <n>', 'of an older version', wholeNumber)
    .option('--status <list>', 'pending, approved, corrected, rejected', 'pending')
    .option('--limit <n>', 'how many', wholeNumber, 20)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  weir datasets queue hard\n  weir datasets queue hard --status corrected,rejected --json')
    .action(async (name: string, options: { version?: number; status: string; limit: number; json?: boolean }) => {
      const query = new URLSearchParams({ status: options.status, limit: String(options.limit), ...versionOf(options) })
      const response = await context.request(`/admin/datasets/${encodeURIComponent(name)}/items?${query}`)
      const { data, next_after: more } = (await response.json()) as { data: DatasetItemJson[]; next_after: number | null }
      if (options.json) return context.print(JSON.stringify(data))
      context.print(
        table(
          ['ITEM', 'STATUS', 'ASKED', 'ANSWERED', 'SHOULD BE', 'BY'],
          data.map((one) => [
            one.id,
            one.status,
            short(one.messages.at(-1)),
            short(one.answer),
            short(one.review?.answer ?? one.demonstration),
            one.review?.by,
          ]),
        ),
      )
      if (more !== null) context.note('there are more: --limit')
    })

  for (const [verb, verdict, description] of [
    ['approve', 'approved', 'the answer, or the demonstration where there is one, is right'],
    ['correct', 'corrected', 'write what should have been answered'],
    ['reject', 'rejected', 'the item is no example'],
  ] as const) {
    const command = datasets
      .command(verb)
      .description(description)
      .argument('<name>', 'of the dataset')
      .argument(verb === 'correct' ? '<item>' : '<items...>', 'ids, as the queue shows them')
      .option('--version <n>', 'of an older version', wholeNumber)
      .requiredOption('--reason <text>', 'why, for the record')
      .option('--json', 'print JSON, one line for each item')
    if (verb === 'correct') command.option('--answer <text>', 'the right answer').option('--file <file>', 'a file with the right answer')
    command
      .addHelpText(
        'after',
        `\nExample:\n  weir datasets ${verb} hard 0198c0de-… ${verb === 'correct' ? '--answer "On port 8484." ' : ''}--reason "checked against the manual"`,
      )
      .action(async (name: string, items: string | string[], options: ReviewOptions) => {
        const answer = verb === 'correct' ? await answerOf(context, options) : undefined
        for (const id of [items].flat()) {
          const path = `/admin/datasets/${encodeURIComponent(name)}/items/${encodeURIComponent(id)}/review?${new URLSearchParams(versionOf(options))}`
          const response = await context.request(path, { method: 'POST', json: { verdict, answer, reason: options.reason } })
          const item = (await response.json()) as DatasetItemJson
          context.print(options.json ? JSON.stringify(item) : `${item.id}  ${item.status} by ${item.review?.by}`)
        }
      })
  }

  agreementCommand(datasets, context)
  deleteCommand(datasets, context)

  datasets
    .command('export')
    .description('what people approved or corrected, as lines of JSON')
    .argument('<name>', 'of the dataset')
    .option('--format <format>', "openai-chat (OpenAI's fine-tuning files) or jsonl (cases for suites, with who said so)", 'openai-chat')
    .option('--version <n>', 'of an older version', wholeNumber)
    .option('--status <list>', 'others too: pending, approved, corrected, rejected', 'approved,corrected')
    .option('--out <file>', 'write there instead of standard output')
    .addHelpText('after', '\nExample:\n  weir datasets export hard --format openai-chat --out train.jsonl')
    .action(async (name: string, options: { format: string; version?: number; status: string; out?: string }) => {
      const query = new URLSearchParams({ format: options.format, status: options.status, ...versionOf(options) })
      const response = await context.request(`/admin/datasets/${encodeURIComponent(name)}/export?${query}`)
      const text = await response.text()
      const lines = text.split('\n').length - 1
      if (lines === 0)
        throw new AppError('not_found', `nothing of ${name} is ${options.status.replaceAll(',', ' or ')}: weir datasets queue ${name}`)
      if (options.out === undefined) context.print(text.trimEnd())
      else await writeFile(resolve(context.folder, options.out), text)
      context.note(`${lines} examples${options.format === 'openai-chat' && lines < 10 ? '; OpenAI wants ten at least' : ''}`)
    })
}

const agreementCommand = (datasets: Command, context: CliContext): void => {
  datasets
    .command('agreement')
    .description('whether scorers of live answers judge as the people who reviewed them: share and kappa')
    .argument('<name>', 'of the dataset')
    .option('--version <n>', 'of an older version', wholeNumber)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir datasets agreement hard')
    .action(async (name: string, options: { version?: number; json?: boolean }) => {
      const query = new URLSearchParams(versionOf(options))
      const response = await context.request(`/admin/datasets/${encodeURIComponent(name)}/agreement?${query}`)
      const { data } = (await response.json()) as { data: AgreementJson[] }
      if (options.json) return context.print(JSON.stringify(data))
      const rows = data.map((one) => [
        one.scorer,
        one.answers,
        one.both_good,
        one.both_bad,
        one.only_scorer,
        one.only_people,
        `${percent(one.share)} [${percent(one.interval.low)}, ${percent(one.interval.high)}]`,
        digits(one.kappa),
      ])
      context.print(table(['SCORER', 'ANSWERS', 'BOTH GOOD', 'BOTH BAD', 'ONLY SCORER', 'ONLY PEOPLE', 'AGREE', 'KAPPA'], rows))
    })
}

const deleteCommand = (datasets: Command, context: CliContext): void => {
  datasets
    .command('delete')
    .description('delete one version with its items and reviews; other versions keep their numbers')
    .argument('<name>', 'of the dataset')
    .requiredOption('--version <n>', 'which', wholeNumber)
    .requiredOption('--reason <text>', 'why, for the record')
    .addHelpText('after', '\nExample:\n  weir datasets delete hard --version 1 --reason "a customer left"')
    .action(async (name: string, { version, reason }: { version: number; reason: string }) => {
      const query = new URLSearchParams({ version: String(version), reason })
      await context.request(`/admin/datasets/${encodeURIComponent(name)}?${query}`, { method: 'DELETE' })
      context.print(`${name} version ${version} is deleted`)
    })
}

type CreateOptions = { from: string; where?: string[]; limit: number; redact?: string; reason: string; json?: boolean }
type ReviewOptions = { version?: number; reason: string; json?: boolean; answer?: string; file?: string }

const wholeNumber = (text: string): number => {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('must be a whole number from 1 on')
  return Number(text)
}

const versionOf = ({ version }: { version?: number }): Record<string, string> => (version === undefined ? {} : { version: String(version) })

/** `route=a`, `metadata.team=blue`, `feedback.solved<1`. */
const withCondition = (where: Record<string, unknown>, condition: string): Record<string, unknown> => {
  const [, field = '', sign = '', value = ''] = /^([\w.-]+?)\s*([=<>])\s*(.*)$/s.exec(condition) ?? []
  const [kind, ...rest] = field.split('.')
  const name = rest.join('.')
  if (kind === 'metadata' && name !== '' && sign === '=') return { ...where, metadata: { ...(where.metadata as object), [name]: value } }
  if (kind === 'feedback' && name !== '' && (sign === '<' || sign === '>') && value !== '' && Number.isFinite(Number(value))) {
    const before = where.feedback as { metric: string } | undefined
    if (before !== undefined && before.metric !== name) throw new AppError('invalid_request', '--where takes one metric of feedback')
    return { ...where, feedback: { ...before, metric: name, [sign === '<' ? 'below' : 'above']: Number(value) } }
  }
  if (rest.length === 0 && sign === '=') return { ...where, [field]: value }
  throw new AppError(
    'invalid_request',
    `--where takes field=value, metadata.key=value, "feedback.metric<n" or "feedback.metric>n", not "${condition}"`,
  )
}

const redacted = ({ redactions, source }: DatasetJson): string => {
  const found = Object.entries(redactions)
  const kinds = (source.redact as string[]).join(', ')
  return found.length === 0
    ? `redaction: looked for ${kinds}; found none`
    : `redaction: looked for ${kinds}; replaced ${found.map(([kind, count]) => `${count} ${kind}`).join(', ')}`
}

const short = (message: unknown): string | null => {
  const { content } = (message ?? {}) as { content?: string | null }
  return content ? content.replace(/\s+/g, ' ').slice(0, 50) : null
}

const answerOf = async (context: CliContext, { answer, file }: ReviewOptions): Promise<string> => {
  if ((answer === undefined) === (file === undefined)) throw new AppError('invalid_request', 'give --answer or --file')
  if (file === undefined) return answer as string
  return readFile(resolve(context.folder, file), 'utf8').catch((cause) => {
    throw new AppError('not_found', `cannot read ${file}`, { cause })
  })
}
