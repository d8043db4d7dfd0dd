import { resolve } from 'node:path'
import { SingleBar } from 'cli-progress'
import type { Command } from 'commander'
import { AppError } from '../lib/errors.ts'
import { type CliContext, CommandExit, exitCodes } from './context.ts'
import { ndjson } from './ingest-lines.ts'

type Options = { collection: string; tenant?: string; prune?: boolean; json?: boolean }
type Done = {
  total: number
  added: number
  updated: number
  unchanged: number
  failed: number
  deleted: number
  failures: { document: string; message: string }[]
}

/** `weir ingest`: documents into a collection. Exit code 1 when any of them failed; the others are in. */
export const ingestCommands = (program: Command, context: CliContext): void => {
  program
    .command('ingest')
    .description('bring a folder, a file or a web address into a collection; unchanged documents cost a hash')
    .argument('<source>', 'folder, file, or http(s) address; read by the server when one runs')
    .requiredOption('--collection <name>', 'made when it is not there')
    .option('--tenant <tenant>', 'whose collection it is (default: shared, for the routes of every tenant)')
    .option('--prune', 'delete documents that came from this folder and are not in it any more')
    .option('--json', 'print one JSON object per line: progress, then the summary')
    .addHelpText(
      'after',
      '\nExamples:\n  weir ingest docs --collection handbook --prune\n  weir ingest https://example.com/manual.pdf --collection manuals --json',
    )
    .action(async (source: string, options: Options) => {
      const isUrl = /^https?:\/\//i.test(source)
      const response = await context.request(`/admin/collections/${encodeURIComponent(options.collection)}/ingest`, {
        method: 'POST',
        json: { source: isUrl ? source : resolve(context.folder, source), tenant: options.tenant, prune: options.prune ?? false },
      })
      const done = await follow(context, response, options.json ?? false)
      if (!options.json) printSummary(context, done)
      if (done.failed > 0) throw new CommandExit(exitCodes.usage)
    })
}

const follow = async (context: CliContext, response: Response, json: boolean): Promise<Done> => {
  const bar =
    context.interactive && !json ? new SingleBar({ format: '{bar} {value}/{total} {document}', stream: process.stderr }) : undefined
  try {
    for await (const line of ndjson(response)) {
      if (json) context.print(JSON.stringify(line))
      switch (line.type) {
        case 'progress':
          if (line.done === 1) bar?.start(line.total, 0, { document: '' })
          bar?.update(line.done, { document: line.document })
          break
        case 'error':
          throw new AppError('internal', line.message)
        case 'done':
          return line as unknown as Done
      }
    }
  } finally {
    bar?.stop()
  }
  throw new AppError('unavailable', 'the server stopped before it was done: run the command again, what is in is not read twice')
}

const printSummary = (context: CliContext, done: Done): void => {
  for (const { document, message } of done.failures) context.note(`failed  ${document}: ${message}`)
  const counts = (['added', 'updated', 'unchanged', 'deleted', 'failed'] as const)
    .filter((kind) => done[kind] > 0)
    .map((kind) => `${done[kind]} ${kind}`)
  context.print(counts.length === 0 ? 'nothing to ingest: no documents were found' : counts.join(', '))
}
