import type { Command } from 'commander'
import { AppError } from '../lib/errors.ts'
import type { CliContext } from './context.ts'
import { table } from './table.ts'

type Explanation = {
  subject: string
  rules: { name: string; variant: string; holds: boolean; because: string | null }[]
  trial: { enrolment: number; enrolled_below: number; arm: string | null } | null
  weights: { variant: string; weight_percent: number; arrival: number | null }[]
  chosen: { variant: string; arm: string | null; because: string }
}

/** `weir routes explain`: why a request gets the variant that it gets. */
export const explainCommand = (routes: Command, context: CliContext): void => {
  routes
    .command('explain')
    .description('why a request gets the variant that it gets: every rule, the hashes of its subject, and what decides')
    .argument('<route>')
    .option('--subject <name>', 'who asks', '')
    .option('--text <text>', 'the last user message', '')
    .option('--metadata <key=value...>', 'metadata of the request')
    .option('--tools', 'the request brings tools')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  weir routes explain support --subject user-17\n  weir routes explain support --text "¿Dónde está mi pedido?" --metadata tier=free',
    )
    .action(async (route: string, options: { subject: string; text: string; metadata?: string[]; tools?: boolean; json?: boolean }) => {
      const { subject, text, tools = false, metadata = [], json } = options
      const body = { subject, text, tools, metadata: Object.fromEntries(metadata.map(pair)) }
      const response = await context.request(`/admin/routes/${encodeURIComponent(route)}/explain`, { method: 'POST', json: body })
      const explanation = (await response.json()) as Explanation
      if (json) return context.print(JSON.stringify(explanation))
      const { rules, trial, weights, chosen } = explanation
      if (rules.length > 0) {
        const rows = rules.map(({ name, variant, holds, because }) => [name, variant, holds ? 'holds' : 'does not hold', because])
        context.print(`${table(['RULE', 'VARIANT', '', 'BECAUSE'], rows)}\n`)
      }
      if (trial) {
        const side = trial.arm === null ? 'takes no part' : `is on the ${trial.arm}'s side`
        context.print(`trial: ${trial.enrolment.toFixed(4)}, enrolled below ${trial.enrolled_below.toFixed(4)}: the subject ${side}\n`)
      }
      const times = weights.map(({ variant, weight_percent, arrival }) => [variant, `${weight_percent} %`, arrival?.toFixed(6) ?? null])
      context.print(`${table(['VARIANT', 'WEIGHT', 'TIME'], times)}\n`)
      context.print(`${chosen.variant}: ${chosen.because}`)
    })
}

const pair = (text: string): [string, string] => {
  const at = text.indexOf('=')
  if (at < 1) throw new AppError('invalid_request', `'${text}' is no key=value`)
  return [text.slice(0, at), text.slice(at + 1)]
}
