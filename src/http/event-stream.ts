/**
 * A body that is pulled, so that a slow reader slows its upstream down instead of filling our memory. Frames that are there in one turn of
 * the event loop leave in one write: a host sends many tokens at once, and a write each would cost more than making them. `frames` must
 * not throw: what goes wrong after the first frame has to be told in a frame. `onCancel` runs when the reader leaves.
 */
export const eventStream = (frames: AsyncIterator<string, void, undefined>, onCancel: () => void): ReadableStream<Uint8Array> => {
  let waiting: Promise<IteratorResult<string, void>> | undefined

  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    let next: IteratorResult<string, void> | undefined = await (waiting ?? frames.next())
    waiting = undefined
    const turn = endOfTurn()
    let text = ''
    while (next && !next.done) {
      text += next.value
      if (text.length >= writeCharacters) break
      waiting = frames.next()
      next = await Promise.race([waiting, turn])
      if (next) waiting = undefined
    }
    if (text !== '') controller.enqueue(encoder.encode(text))
    if (next?.done) controller.close()
  }

  const cancel = async (): Promise<void> => {
    onCancel()
    // Between two pulls nobody else would end the frames, and what they hold.
    await frames.return?.()
  }
  return new ReadableStream({ pull, cancel }, { highWaterMark: 0 })
}

/** Resolves once everything that is ready now has run. */
const endOfTurn = () => new Promise<undefined>((resolve) => setImmediate(() => resolve(undefined)))

const encoder = new TextEncoder()
const writeCharacters = 16 * 1024
