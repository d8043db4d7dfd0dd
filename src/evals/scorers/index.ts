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

const all: Scorer[] = [
  ...[equals, contains, icontains, containsAll, containsAny, icontainsAll, icontainsAny, startsWith, regex, wordCount],
  ...[levenshtein, rougeN, rougeL, bleu, gleu, f1, isRefusal, language],
  ...[isJson, jsonSchema, containsJson, finishReason, toolCall, toolCallF1, validToolsCall],
  ...[latency, cost, promptTokens, completionTokens, perplexity],
  ...[similar, classifier, javascript],
  ...[rubric, factuality, closedQa, pairwise, faithfulness, contextRecall, contextPrecision, noiseSensitivity, answerRelevance],
  ...[recallAtK, precisionAtK, mrr, ndcg, averagePrecision],
]

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
