import type { Command } from 'commander'
import type { CliContext } from './context.ts'
import { simulateCommand } from './rollout-simulate.ts'
import { type RolloutStatus, statusText, watchStatus } from './rollout-status.ts'
import { table } from './table.ts'
import { readYaml } from './yaml-file.ts'

/** `weir rollouts …`: let a candidate into a route step by step, decided by statistics. */
export const rolloutCommands = (program: Command, context: CliContext): void => {
  const rollouts = program.command('rollouts').description('let a candidate into a route: shadow, canary, promotion, rollback')

  rollouts
    .command('start')
    .description('start a rollout by the plan of the route, or by another')
    .argument('<route>', 'a route with two variants or more')
    .option('--candidate <variant>', 'the variant to let in (default: the candidate of the plan)')
    .option('--stable <variant>', 'what it is compared with and replaces (default: the variant with the most weight)')
    .option('--plan <file>', 'YAML or JSON as under routes.<name>.rollout, in place of the route’s plan')
    .option('--override-gate', 'start although the gate does not let it; recorded')
    .requiredOption('--reason <text>', 'why, for the record')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  weir rollouts start support --candidate next --reason "shorter prompt"\n  weir rollouts start support --candidate next --plan careful.yaml --reason "new model"',
    )
    .action(
      async (
        route: string,
        options: { candidate?: string; stable?: string; plan?: string; overrideGate?: boolean; reason: string; json?: boolean },
      ) => {
        const { candidate, stable, reason } = options
        const plan = options.plan === undefined ? undefined : await readYaml(context, options.plan)
        const json = { route, candidate, stable, plan, override_gate: options.overrideGate, reason }
        const rollout = (await (await context.request('/admin/rollouts', { method: 'POST', json })).json()) as RolloutStatus
        if (options.json) return context.print(JSON.stringify(rollout))
        context.print(`${rollout.id}  ${told(rollout)}`)
        context.note(
          rollout.status === 'pending'
            ? 'It starts when its gate lets it: weir rollouts status tells why it does not; --override-gate starts at once.'
            : `weir rollouts status ${route} --watch`,
        )
      },
    )

  rollouts
    .command('list')
    .description('rollouts, newest first')
    .option('--route <name>', 'only of this route')
    .option('--status <status>', 'pending, running, held, awaiting_approval, promoted or rolled_back')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir rollouts list --status held')
    .action(async ({ json, ...filter }: { json?: boolean } & Record<string, string>) => {
      const response = await context.request(`/admin/rollouts?${new URLSearchParams(filter)}`)
      const { data } = (await response.json()) as { data: RolloutStatus[] }
      if (json) return context.print(JSON.stringify(data))
      const rows = data.map((one) => [one.id, one.route, one.candidate, one.stable, one.status, place(one), one.created_by, one.created_at])
      context.print(table(['ID', 'ROUTE', 'CANDIDATE', 'STABLE', 'STATUS', 'STEP', 'STARTED BY', 'STARTED'], rows))
    })

  rollouts
    .command('status')
    .description('where a rollout stands, what the evidence says, and what comes next')
    .argument('<rollout>', 'an id, or a route for its newest')
    .option('--watch', 'look again every two seconds until it is over; exit code 2 when it was rolled back')
    .option('--json', 'print JSON; with --watch a line for each look')
    .addHelpText('after', '\nExamples:\n  weir rollouts status support\n  weir rollouts status support --watch')
    .action(async (rollout: string, options: { watch?: boolean; json?: boolean }) => {
      const read = async () => (await (await context.request(urlOf(rollout))).json()) as RolloutStatus
      if (options.watch) return watchStatus(context, read, options.json)
      const status = await read()
      context.print(options.json ? JSON.stringify(status) : statusText(status))
    })

  for (const [move, description, example] of moves) {
    rollouts
      .command(move)
      .description(description)
      .argument('<rollout>', 'an id, or a route for its newest')
      .requiredOption('--reason <text>', 'why, for the record')
      .option('--json', 'print JSON')
      .addHelpText('after', `\nExample:\n  weir rollouts ${move} support --reason "${example}"`)
      .action(async (rollout: string, { reason, json }: { reason: string; json?: boolean }) => {
        const response = await context.request(urlOf(rollout, move), { method: 'POST', json: { reason } })
        const moved = (await response.json()) as RolloutStatus
        context.print(json ? JSON.stringify(moved) : told(moved))
      })
  }
  simulateCommand(rollouts, context)
}

const moves = [
  ['approve', 'pass a step that waits for approval', 'answers read well'],
  ['hold', 'stay at the present weight; guardrails go on', 'release freeze'],
  ['resume', 'go on with the step from its beginning, accepting what held it', 'slower, but worth it'],
  ['abort', 'end it with no verdict on the candidate', 'wrong prompt'],
  ['promote', 'serve the candidate to everybody now, whatever the evidence', 'the stable model is gone'],
  ['rollback', 'serve the stable variant and disable the candidate; also after a promotion', 'customers complain'],
] as const

const told = (rollout: RolloutStatus): string =>
  `${rollout.route}: ${rollout.candidate} against ${rollout.stable} is ${rollout.status.replace('_', ' ')}, ${place(rollout)}`

const place = ({ step, steps, mode, weight_percent }: RolloutStatus): string =>
  `step ${step} of ${steps} (${weight_percent === 100 ? 'everybody' : `${mode} ${weight_percent} %`})`

const urlOf = (rollout: string, move?: string): string =>
  `/admin/rollouts/${encodeURIComponent(rollout)}${move === undefined ? '' : `/${move}`}`
