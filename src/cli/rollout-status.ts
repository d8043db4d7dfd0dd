import { type CliContext, CommandExit, exitCodes } from './context.ts'
import { table } from './table.ts'

/** As `/admin/rollouts` tells it; the parts after `created_at` only of one rollout. */
export type RolloutStatus = {
  id: string
  route: string
  candidate: string
  stable: string
  status: string
  disabled: boolean
  step: number
  steps: number
  mode: string | null
  weight_percent: number | null
  step_since: string
  created_by: string
  created_at: string
  plan: { steps: { mode: string; weight_percent: number; min_duration_s: number; min_samples: number; gate: string }[] }
  subjects: { step: { candidate: number; control: number } }
  findings: {
    name: string
    role: string
    verdict: string
    text: string
    e_value: number | null
    harm: { low: number; estimate: number; high: number } | null
  }[]
  next: { kind: string; reason: string }
  events: { kind: string; actor: string; reason: string; at: string; override: boolean }[]
}

/** A rollout on one screen. */
export const statusText = (status: RolloutStatus): string => {
  const steps = status.plan.steps.map(({ mode, weight_percent, gate }, index) => {
    const mark = index + 1 < status.step || status.status === 'promoted' ? '✓' : index + 1 === status.step ? '▸' : ' '
    return `${mark} ${weight_percent === 100 ? 'everybody' : `${mode} ${weight_percent} %`}${gate === 'manual' ? ', by approval' : ''}`
  })
  const { candidate, control } = status.subjects.step
  const findings = status.findings.map(({ name, role, verdict, text }) => [name, role, verdict.replace('_', ' '), text])
  const events = status.events
    .slice(-6)
    .map(({ at, kind, actor, reason, override }) => [at, kind + (override ? ' (override)' : ''), actor, reason])
  return [
    `${status.route}: ${status.candidate} against ${status.stable}, ${status.status.replace('_', ' ')}   ${status.id}`,
    steps.join('   '),
    `Step ${status.step} since ${status.step_since}: ${candidate} subjects on the candidate, ${control} on the control`,
    `Next: ${nextText(status)}`,
    table(['CHECK', 'ROLE', 'VERDICT', 'WHY'], findings),
    table(['WHEN', 'WHAT', 'WHO', 'WHY'], events),
  ].join('\n\n')
}

const nextText = ({ next }: RolloutStatus): string =>
  next.kind === 'wait' ? next.reason : `${next.kind.replace('_', ' ')}: ${next.reason}`

/** Shows a rollout until it is over: in place on a terminal, else a line when something changed. One that was rolled back ends with an exit code. */
export const watchStatus = async (context: CliContext, read: () => Promise<RolloutStatus>, json: boolean | undefined): Promise<void> => {
  let shown = ''
  for (;;) {
    const status = await read()
    const over = status.status === 'promoted' || status.status === 'rolled_back'
    if (json) context.print(JSON.stringify(status))
    else if (context.interactive) context.print(`\u001b[2J\u001b[H${statusText(status)}`)
    else {
      const { candidate, control } = status.subjects.step
      const line = `${status.status} step ${status.step}/${status.steps}: ${candidate}/${control} subjects; ${over ? status.events.at(-1)?.reason : nextText(status)}`
      if (line !== shown) context.print(line)
      shown = line
    }
    if (status.status === 'rolled_back') throw new CommandExit(exitCodes.gateFailed)
    if (over) return
    await Bun.sleep(2_000)
  }
}
