import type { Scorer } from '../scorer.ts'
import { completionTokens, cost, latency, perplexity, promptTokens } from './budget.ts'
import { classifier } from './classifier.ts'
import { javascript } from './custom.ts'
import {
  answerRelevance,
  closedQa,
  contextPrecision,
  contextRecall,
  factuality,
  faithfulness,
  noiseSensitivity,
  pairwise,
  rubric,
} from './judged.ts'
import { language } from './language.ts'
import { bleu, f1, gleu, isRefusal, levenshtein, rougeL, rougeN } from './overlap.ts'
import { averagePrecision, mrr, ndcg, precisionAtK, recallAtK } from './retrieval.ts'
import { similar } from './similar.ts'
import { containsJson, finishReason, isJson, jsonSchema } from './structure.ts'
import { contains, containsAll, containsAny, equals, icontains, icontainsAll, icontainsAny, regex, startsWith, wordCount } from './text.ts'
import { toolCall, toolCallF1, validToolsCall } from './tools.ts'

/** These judge an answer by itself, or by a criterion that holds for any. */
const ofAnyAnswer: Scorer[] = [
  ...[contains, containsAll, containsAny, icontains, icontainsAll, icontainsAny, startsWith, regex, wordCount],
  ...[isRefusal, language],
  ...[isJson, jsonSchema, containsJson, finishReason, validToolsCall],
  ...[latency, cost, promptTokens, completionTokens, perplexity],
  ...[classifier, javascript],
  ...[rubric, closedQa, faithfulness, answerRelevance],
]

/** These compare it with what is right for one question. */
const ofOneQuestion: Scorer[] = [
  ...[equals, levenshtein, rougeN, rougeL, bleu, gleu, f1],
  ...[toolCall, toolCallF1, similar],
  ...[factuality, pairwise, contextRecall, contextPrecision, noiseSensitivity],
  ...[recallAtK, precisionAtK, mrr, ndcg, averagePrecision],
]

const all: Scorer[] = [...ofAnyAnswer, ...ofOneQuestion]

/** Names that promptfoo gives the same. */
const aliases: Record<string, string> = {
  'model-graded-factuality': 'factuality',
  'similar:cosine': 'similar',
  rubric: 'llm-rubric',
  refusal: 'is-refusal',
}

const byType = new Map(all.map((scorer) => [scorer.type, scorer]))

/** The scorer of a type, without its `not-`. */
export const scorerOf = (type: string): Scorer | undefined => byType.get(aliases[type] ?? type)

export const scorerTypes = (): string[] => [...byType.keys()]

/** Those that judge what nobody prepared a question for. */
export const questionFreeTypes = (): string[] => ofAnyAnswer.map(({ type }) => type)
