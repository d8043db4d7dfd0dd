/** A text as the guards read it. */
export type Words = {
  /** Lower-case words that carry meaning, in order. */
  content: readonly string[]
  /** Every word, lower-case. */
  all: ReadonlySet<string>
  /** Numbers with what they count, such as `5 day` or `$5`, in order. */
  numbers: readonly string[]
  /** Lower-case names: what is capitalised within a sentence, spelled with digits or capitals inside, or quoted, in order. */
  names: readonly string[]
  /** How many words deny or exclude. */
  negations: number
  /** Whether it asks for a yes or a no. */
  isPolar: boolean
}

export const wordsOf = (text: string): Words => {
  const normal = text.normalize('NFKC').replaceAll('’', "'")
  const content: string[] = []
  const numbers: string[] = []
  const names: string[] = []
  const all = new Set<string>()
  let negations = 0
  const found = [...normal.matchAll(word)]
  found.forEach((match, at) => {
    const [spelled] = match
    const lower = spelled.toLowerCase().replace(/'s$/, '')
    all.add(lower)
    // A bounded look back: a question is anybody's text.
    const before = normal.slice(Math.max(0, match.index - 40), match.index)
    const number = numberOf(lower)
    if (number !== undefined) {
      const sign = /[$€£¥#-]$/.exec(before)?.[0] ?? ''
      const unit = normal[match.index + spelled.length] === '%' ? '%' : stem(found[at + 1]?.[0].toLowerCase() ?? '')
      numbers.push(`${sign}${number} ${unit}`)
    }
    if (negating.has(lower) || /n't$/.test(lower)) negations += 1
    else if (isName(spelled, before)) names.push(lower)
    if (!fillers.has(lower)) content.push(number ?? lower)
  })
  return { content, all, numbers, names, negations, isPolar: polar.test(normal) && !polite.test(normal) }
}

const word = /[\p{L}\p{M}\p{N}]+(?:[.,'_@:][\p{L}\p{M}\p{N}]+)*/gu

const polar =
  /^\W*(am|is|are|was|were|do|does|did|has|have|had|can|could|may|might|must|shall|should|will|would)(n't)?\s+(?!like\b|love\b)/i
const polite = /^\W*(can|could|will|would) you (please |kindly )?(tell|explain|show|help|give|say|let)\b/i

const isName = (spelled: string, before: string): boolean => {
  if (/["“„«`'][^\s]*$/.test(before)) return true
  if (/\p{L}/u.test(spelled) && /[\p{N}@_:]|\p{Ll}\p{Lu}/u.test(spelled)) return true
  if (/^\p{Lu}{2,}$/u.test(spelled)) return true
  const startsSentence = /(^|[.!?:]\s*)$/.test(before.trimEnd()) || before.trim() === ''
  return /^\p{Lu}/u.test(spelled) && !startsSentence && spelled !== 'I'
}

/** `1,000`, `1000` and `five`; ordinals too. Undefined for what is no number. */
const numberOf = (lower: string): string | undefined => {
  const digits = /^(\d[\d.,]*)(st|nd|rd|th)?$/.exec(lower)?.[1]
  if (digits !== undefined) return digits.replaceAll(/[.,](?=\d{3}(\D|$))/g, '')
  const at = numberWords.indexOf(lower)
  return at < 0 ? undefined : String(at)
}

/** By value. */
const numberWords =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty'.split(
    ' ',
  )

/** English, German, French, Spanish, Italian. */
const negating: ReadonlySet<string> = new Set(
  `no not never none nobody nothing nowhere neither nor without cannot cant dont wont isnt arent doesnt didnt except excluding excluded unless instead only
  nicht kein keine keinen keinem keiner nie niemals niemand nichts ohne außer nur
  ne pas jamais aucun aucune sans sauf nunca ningún ninguna sin salvo non mai senza nessun nessuna`.split(/\s+/),
)

/** Words that two wordings of one question may differ in. Those that turn a question into another, such as "from" and "must", are not here. */
const fillers: ReadonlySet<string> = new Set(
  `a an the this that these those it its is are am be do does i we you he she they me us my our your his her their to of for at on in and or so
  please kindly just also can could may might would shall want like need know tell explain say give show let hello hi hey thanks thank there here some any
  der die das ein eine einen ist sind ich wir du sie mein meine zu von und oder bitte kann
  le la les un une des est je nous vous mon ma de du et ou el los las una es yo mi`.split(/\s+/),
)

/** Without the commonest endings of inflection: few, because what they join is taken for one word. */
export const stem = (lower: string): string => {
  const singular = lower.replace(/ies$/, 'y').replace(/(?<=.{2}[^s])s$/, '')
  const short = singular.replace(/(ing|ed|e)$/, '')
  return short.length >= 3 ? short : singular
}
