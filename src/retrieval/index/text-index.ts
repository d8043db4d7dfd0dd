/** Words of one chunk, stemmed by the database, with how often each occurs. */
export type TermCounts = ReadonlyMap<string, number>

export type TextMatch = {
  label: number
  /** BM25; comparable within one query only. */
  score: number
  /** Share of the query's weight (inverse document frequency) whose words the chunk holds, in [0, 1]. */
  coverage: number
}

/**
 * An inverted index ranked by BM25 (Robertson & Zaragoza 2009, k1 = 1.2, b = 0.75, idf as in Lucene: `ln(1 + (N − n + ½) / (n + ½))`).
 * In memory because Postgres cannot rank by rarity: `ts_rank_cd` over OR-ed words took 50 to 145 ms at 20k chunks on PGlite, this takes about one.
 */
export class TextIndex {
  #postings = new Map<string, Posting>()
  /** Words of each label's chunk; -1 where there is none. Labels are small integers, so arrays beat maps several times over. */
  #lengths = new Int32Array(0)
  #scores = new Float64Array(0)
  #weights = new Float64Array(0)
  #removed = new Set<number>()
  #count = 0
  #totalLength = 0

  get count(): number {
    return this.#count
  }

  add(label: number, terms: TermCounts): void {
    if (this.#lengthOf(label) >= 0 || this.#removed.has(label)) return
    let length = 0
    for (const [term, count] of terms) {
      length += count
      const posting = this.#postings.get(term)
      if (posting === undefined) this.#postings.set(term, { labels: [label], counts: [count] })
      else {
        posting.labels.push(label)
        posting.counts.push(count)
      }
    }
    this.#place(label, length)
  }

  /** Postings are swept when a quarter of them belong to removed chunks. */
  remove(label: number): void {
    const length = this.#lengthOf(label)
    if (length < 0) return
    this.#lengths[label] = -1
    this.#count -= 1
    this.#totalLength -= length
    this.#removed.add(label)
    if (this.#removed.size > 1000 && this.#removed.size > this.count / 4) this.#sweep()
  }

  search(terms: readonly string[], k: number, among?: ReadonlySet<number>): TextMatch[] {
    const averageLength = Math.max(1, this.#totalLength / Math.max(1, this.count))
    const touched: number[] = []
    let totalWeight = 0
    for (const term of new Set(terms)) {
      const posting = this.#postings.get(term)
      const weight = inverseDocumentFrequency(this.count, posting?.labels.length ?? 0)
      totalWeight += weight
      for (let at = 0; at < (posting?.labels.length ?? 0); at += 1) {
        const label = posting?.labels[at] as number
        const length = this.#lengths[label] as number
        if (length < 0 || (among !== undefined && !among.has(label))) continue
        const count = posting?.counts[at] as number
        if (this.#weights[label] === 0) touched.push(label)
        this.#weights[label] = (this.#weights[label] as number) + weight
        this.#scores[label] =
          (this.#scores[label] as number) + (weight * count * (k1 + 1)) / (count + k1 * (1 - b + (b * length) / averageLength))
      }
    }
    const matches = best(touched, this.#scores, k).map((label) => ({
      label,
      score: this.#scores[label] as number,
      coverage: (this.#weights[label] as number) / totalWeight,
    }))
    for (const label of touched) {
      this.#scores[label] = 0
      this.#weights[label] = 0
    }
    return matches
  }

  /** Everything the index holds, for a snapshot. */
  *entries(): Generator<{ term: string } & Posting> {
    this.#sweep()
    for (const [term, posting] of this.#postings) yield { term, ...posting }
  }

  static from(entries: Iterable<{ term: string } & Posting>, empty: Iterable<number>): TextIndex {
    const index = new TextIndex()
    const lengths = new Map<number, number>()
    for (const label of empty) lengths.set(label, 0)
    for (const { term, labels, counts } of entries) {
      index.#postings.set(term, { labels, counts })
      labels.forEach((label, at) => {
        lengths.set(label, (lengths.get(label) ?? 0) + (counts[at] as number))
      })
    }
    for (const [label, length] of lengths) index.#place(label, length)
    return index
  }

  /** Labels of chunks without a single indexed word. */
  emptyLabels(): number[] {
    return Array.from(this.#lengths.keys()).filter((label) => this.#lengths[label] === 0)
  }

  #lengthOf(label: number): number {
    return this.#lengths[label] ?? -1
  }

  #place(label: number, length: number): void {
    if (label >= this.#lengths.length) {
      const size = Math.max(1024, 2 * label)
      const lengths = new Int32Array(size).fill(-1)
      lengths.set(this.#lengths)
      this.#lengths = lengths
      // Between searches these hold zeros only.
      this.#scores = new Float64Array(size)
      this.#weights = new Float64Array(size)
    }
    this.#lengths[label] = length
    this.#count += 1
    this.#totalLength += length
  }

  #sweep(): void {
    if (this.#removed.size === 0) return
    for (const [term, posting] of this.#postings) {
      const kept = posting.labels.flatMap((label, at) => (this.#removed.has(label) ? [] : [at]))
      if (kept.length === posting.labels.length) continue
      if (kept.length === 0) this.#postings.delete(term)
      else
        this.#postings.set(term, {
          labels: kept.map((at) => posting.labels[at] as number),
          counts: kept.map((at) => posting.counts[at] as number),
        })
    }
    this.#removed.clear()
  }
}

/** Labels of the chunks that hold a word, and how often each does. */
type Posting = { labels: number[]; counts: number[] }

/** The `k` labels of highest score, ties by label. What cannot be among them is dropped before sorting, a few thousand at a time. */
const best = (labels: number[], scores: Float64Array, k: number): number[] => {
  const byScore = (left: number, right: number) => (scores[right] as number) - (scores[left] as number) || left - right
  let kept: number[] = []
  let floor = Number.NEGATIVE_INFINITY
  for (const label of labels) {
    if ((scores[label] as number) < floor) continue
    kept.push(label)
    if (kept.length < 4 * k) continue
    kept = kept.sort(byScore).slice(0, k)
    floor = scores[kept[k - 1] as number] as number
  }
  return kept.sort(byScore).slice(0, k)
}

const k1 = 1.2
const b = 0.75

const inverseDocumentFrequency = (documents: number, containing: number): number =>
  Math.log(1 + Math.max(0, documents - containing + 0.5) / (containing + 0.5))
