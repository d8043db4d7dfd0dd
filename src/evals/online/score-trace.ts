import type { ChatMessage, TokenLogprob, ToolCall } from '../../models/chat-model.ts'
import type { Trace } from '../../traces/trace.ts'
import { scoreCase } from '../score-case.ts'
import type { Output, ScoreContext } from '../scorer.ts'
import type { ScoringModels } from '../scoring-models.ts'
import type { AssertionSpec } from '../suite.ts'
import { passagesOf } from '../target.ts'
import type { OnlineScore } from './store.ts'

type ScoreTraceOptions = { trace: Trace; assertion: AssertionSpec; models: ScoringModels; clock: () => number; signal: AbortSignal }

/** What one scorer makes of a recorded answer. A scorer that fails has said nothing: its score is null. */
export const scoreTrace = async ({ trace, assertion, models, clock, signal }: ScoreTraceOptions): Promise<OnlineScore> => {
  let costUsd: number | null = 0
  const spent = (usd: number | null) => {
    costUsd = costUsd === null || usd === null ? null : costUsd + usd
  }
  const { input, tools } = askedOf(trace)
  const context: ScoreContext = { ...models(trace.tenant, spent, signal), input, variables: {}, expected: undefined, tools, signal }
  const { assertions } = await scoreCase({ assertions: [assertion], threshold: undefined }, outputOf(trace), context)
  const [said] = assertions
  return {
    traceId: trace.id,
    scorer: assertion.metric,
    tenant: trace.tenant,
    route: trace.route,
    variant: trace.variant,
    variantHash: trace.variantHash,
    arm: trace.arm,
    score: said?.score ?? null,
    passed: said?.pass ?? null,
    reason: said?.reason.slice(0, longestReason) ?? '',
    costUsd,
    startedAtMs: trace.startedAtMs,
    atMs: clock(),
  }
}

const longestReason = 2_000

type Choice = { text?: string; toolCalls?: ToolCall[]; finishReason?: Output['finishReason']; logprobs?: TokenLogprob[] }

const outputOf = (trace: Trace): Output => {
  const [choice] = (trace.payload?.output as Choice[] | undefined) ?? []
  return {
    text: choice?.text ?? '',
    toolCalls: choice?.toolCalls ?? [],
    finishReason: choice?.finishReason ?? trace.finishReason,
    logprobs: choice?.logprobs?.map(({ logprob }) => logprob) ?? null,
    promptTokens: trace.promptTokens,
    completionTokens: trace.completionTokens,
    latencyMs: trace.latencyMs,
    firstTokenMs: trace.firstTokenMs,
    costUsd: trace.costUsd,
    passages: passagesOf(trace.payload?.passages),
  }
}

/** The conversation as a judge reads it. What the system said is ours, and no question. */
const askedOf = (trace: Trace): { input: string; tools: ScoreContext['tools'] } => {
  const { messages = [], tools } = (trace.payload?.input ?? {}) as {
    messages?: ChatMessage[]
    tools?: { name: string; parameters?: unknown }[]
  }
  const own = (trace.payload?.said as { messages?: ChatMessage[] } | undefined)?.messages ?? messages
  const said = own.filter(({ role }) => role !== 'system' && role !== 'developer')
  const lines = said.map((message) => (said.length === 1 ? textOf(message) : `${message.role}: ${textOf(message)}`))
  return { input: lines.join('\n'), tools: tools ?? [] }
}

const textOf = ({ content }: ChatMessage): string =>
  typeof content === 'string' ? content : (content ?? []).map((part) => (part.type === 'text' ? part.text : '<image>')).join('\n')
