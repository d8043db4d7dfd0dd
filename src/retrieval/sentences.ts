/** Sentences of prose and items of lists; headings and fences are not answers. */
export const sentencesOf = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => !/^\s*(#|```|\|)/.test(line))
    .join('\n')
    .split(/\n\s*\n|\n(?=\s*[-*] )/)
    .flatMap((block) =>
      withLeads(
        [
          ...segmenter.segment(
            block
              .replace(/^\s*[-*] /, '')
              .replace(/\s+/g, ' ')
              .trim(),
          ),
        ].map(({ segment }) => segment),
      ),
    )
    .filter((sentence) => sentence.split(' ').length >= 3)

/** `**Its name.** What it is.`: a sentence that ends within its emphasis is the heading of the next one. */
const withLeads = (sentences: readonly string[]): string[] => {
  const whole: string[] = []
  let lead = ''
  for (const sentence of sentences) {
    const text = lead + sentence
    const open = (text.match(/\*\*/g)?.length ?? 0) % 2 === 1
    lead = open ? text : ''
    if (!open) whole.push(text.trim())
  }
  return lead === '' ? whole : [...whole, lead.trim()]
}

const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' })
