/** A line of an answer that tells of progress. */
export type Line =
  | { type: 'progress'; done: number; total: number; document: string }
  | { type: 'error'; message: string }
  | { type: 'done' }

/** The JSON objects of a body, as its lines arrive. */
export const ndjson = async function* (response: Response): AsyncGenerator<Line> {
  let rest = ''
  const decoder = new TextDecoder()
  for await (const bytes of response.body ?? []) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line !== '') yield JSON.parse(line) as Line
  }
  if (rest !== '') yield JSON.parse(rest) as Line
}
