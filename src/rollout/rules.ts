/** Sends requests that meet every condition to one variant, before any weight is asked. */
export type Rule = { name: string; variant: string; when: Conditions }

/** Absent ones are not asked. */
export type Conditions = {
  /** For each key of the client's `metadata`, the values that will do. */
  metadata?: Readonly<Record<string, readonly string[]>> | undefined
  /** Of the conversation, estimated at four characters a token; both inclusive. */
  promptTokens?: { min?: number | undefined; max?: number | undefined } | undefined
  /** ISO 639-1 codes of the last user message. */
  languages?: readonly string[] | undefined
  /** Whether the request brings tools. */
  tools?: boolean | undefined
  /** The last user message has a label with at least this probability. */
  label?: { classifier: string; label: string; minProbability: number } | undefined
}

/** What rules ask of a request. What takes work is worked out only when it is asked for. */
export type Facts = {
  metadata: Readonly<Record<string, string>>
  tools: boolean
  promptTokens(): number
  /** Empty when there is too little text to tell. */
  language(): string
  /** Null when the classifier is away: then its rule does not hold. */
  probability(classifier: string, label: string): Promise<number | null>
}

/** Why a rule does not hold, in words; undefined when it does. The cheapest conditions are asked first, a classifier last. */
export const unmet = async (when: Conditions, facts: Facts): Promise<string | undefined> => {
  for (const [key, values] of Object.entries(when.metadata ?? {})) {
    const value = Object.hasOwn(facts.metadata, key) ? facts.metadata[key] : undefined
    if (value === undefined) return `metadata has no '${key}'`
    if (!values.includes(value)) return `metadata.${key} is '${value}'`
  }
  if (when.tools !== undefined && when.tools !== facts.tools)
    return facts.tools ? 'the request brings tools' : 'the request brings no tools'
  if (when.promptTokens) {
    const { min = 0, max = Number.POSITIVE_INFINITY } = when.promptTokens
    const tokens = facts.promptTokens()
    if (tokens < min || tokens > max) return `the prompt has about ${tokens} tokens`
  }
  if (when.languages) {
    const language = facts.language()
    if (!when.languages.includes(language)) return language === '' ? 'the language cannot be told' : `the language is '${language}'`
  }
  if (when.label) {
    const { classifier, label, minProbability } = when.label
    const probability = await facts.probability(classifier, label)
    if (probability === null) return `${classifier} gave no answer`
    if (probability < minProbability) return `${classifier} gives '${label}' ${probability.toFixed(3)}`
  }
  return undefined
}
