/** Finds stop sequences in text that arrives in pieces. Text that may be the start of one is held back until it is not. */
export type StopScanner = {
  push(text: string): { text: string; stopped: boolean }
  /** What was held back, once nothing more will come. */
  flush(): string
}

export const createStopScanner = (stops: readonly string[]): StopScanner => {
  const wanted = stops.filter((stop) => stop.length > 0)
  let held = ''
  return {
    push(text) {
      if (wanted.length === 0) return { text, stopped: false }
      held += text
      const at = firstMatch(held, wanted)
      if (at >= 0) {
        const before = held.slice(0, at)
        held = ''
        return { text: before, stopped: true }
      }
      const keep = longestPartial(held, wanted)
      const out = held.slice(0, held.length - keep)
      held = held.slice(held.length - keep)
      return { text: out, stopped: false }
    },
    flush() {
      const rest = held
      held = ''
      return rest
    },
  }
}

const firstMatch = (text: string, stops: readonly string[]): number => {
  const found = stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0)
  return found.length === 0 ? -1 : Math.min(...found)
}

/** Length of the longest end of `text` that begins a stop. */
const longestPartial = (text: string, stops: readonly string[]): number => {
  let longest = 0
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(stop.slice(0, length))) longest = length
    }
  }
  return longest
}
