/**
 * A body that is pulled, so that a slow reader slows its upstream down instead of filling our memory. Frames that are there in one turn of
 * the event loop leave in one write: a host sends many tokens at once, and a write each would cost more than making them. `frames` must
 * not throw: what goes wrong after the first frame has to be told in a frame. `onCancel` runs when the reader leaves.
 */
export const eventStream = (frames: AsyncIterator<string, void, undefined>, onCancel: () => void): ReadableStream<Uint8Array> => {
  let text = ''
  let ended = false
  let reading = false
  let wanted: (() => void) | undefined

  /** Reads on while somebody wants more, and hands over at the end of the turn in which the first frame came. */
  const read = async (): Promise<void> => {
    reading = true
    while (wanted && !ended && text.length < writeCharacters) {
      const { done, value } = await frames.next()
      if (done) ended = true
      else {
        if (text === '') setImmediate(handOver)
        text += value
      }
    }
    reading = false
    if (ended || text.length >= writeCharacters) handOver()
  }
  const handOver = () => {
    // What it was meant for may have been taken already.
    if (text === '' && !ended) return
    wanted?.()
    wanted = undefined
  }

  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    const more = new Promise<void>((resolve) => {
      wanted = resolve
    })
    if (text !== '' || ended) handOver()
    else if (!reading) void read()
    await more
    if (text !== '') controller.enqueue(encoder.encode(text))
    text = ''
    if (ended) controller.close()
  }
  const cancel = async (): Promise<void> => {
    wanted = undefined
    onCancel()
    // Between two pulls nobody else would end the frames, and what they hold.
    await frames.return?.()
  }
  return new ReadableStream({ pull, cancel }, { highWaterMark: 0 })
}

const encoder = new TextEncoder()
const writeCharacters = 16 * 1024
