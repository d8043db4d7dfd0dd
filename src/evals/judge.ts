import { stopwatch } from '../lib/clock.ts'
import { AppError } from '../lib/errors.ts'
import { uuidv7 } from '../lib/ids.ts'
import type { ChatModel, ChatRequest, Sampling, Usage } from '../models/chat-model.ts'
import { estimateUsage } from '../models/providers/estimate.ts'
import { JudgeFailed, type ScoreContext } from './scorer.ts'

export type JudgeDeps = {
  model: ChatModel
  tenant: string
  /** Hears what each asking took, for the budget of the run. */
  spent: (usage: Usage, ms: number) => void
  /** In place of greedy answers of at most 1,024 tokens. */
  sampling?: Sampling | undefined
  signal: AbortSignal
  /** Askings in all; 3 when absent. */
  attempts?: number
}

/**
 * Asks a model for JSON of a schema, greedily. One that answers with anything else is asked again with what was wrong; after the last
 * attempt the judge has failed, which is no verdict.
 */
export const createJudge =
  ({ model, tenant, spent, sampling, signal, attempts = 3 }: JudgeDeps): NonNullable<ScoreContext['judge']> =>
  async ({ system, user, schema }) => {
    let fault = ''
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const elapsedMs = stopwatch()
      let text = ''
      let told = false
      const request: ChatRequest = {
        input: {
          kind: 'chat',
          messages: [
            { role: 'system', content: system },
            {
              role: 'user',
              content: attempt === 0 ? user : `${user}\n\nYour last answer could not be read (${fault}). Answer with the JSON object only.`,
            },
          ],
        },
        sampling: { temperature: 0, maxTokens: 1024, ...sampling },
        responseFormat: model.capabilities.jsonSchema
          ? { type: 'json-schema', name: 'verdict', schema, strict: true }
          : model.capabilities.jsonObject
            ? { type: 'json-object' }
            : undefined,
        incremental: false,
        tenant,
        requestId: uuidv7(),
        signal,
      }
      try {
        for await (const event of model.stream(request)) {
          if (event.type === 'text-delta') text += event.text
          if (event.type !== 'usage') continue
          spent(event.usage, elapsedMs())
          told = true
        }
        return JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1))
      } catch (error) {
        // A host that does not enforce the schema has its answers checked on the way: what breaks it comes as an error.
        if (!(error instanceof SyntaxError) && !(error instanceof AppError && error.code === 'upstream_failed')) throw error
        // Such an answer was paid for too, and nobody tells how long it was.
        if (!told) spent(estimateUsage(request, 0), elapsedMs())
        fault = 'it is not JSON'
      }
    }
    throw new JudgeFailed(`the judge gave no verdict in ${attempts} attempts: ${fault}`)
  }
