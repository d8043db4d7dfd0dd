/**
 * A body that pulls one frame at a time, so that a slow reader slows its upstream down instead of filling our memory. `frames` must not
 * throw: what goes wrong after the first frame has to be told in a frame. `onCancel` runs when the reader leaves.
 */
export const eventStream = (frames: AsyncIterator<string, void, undefined>, onCancel: () => void): ReadableStream<Uint8Array> =>
  new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await frames.next()
        if (done) controller.close()
        else controller.enqueue(encoder.encode(value))
      },
      async cancel() {
        onCancel()
        // Between two pulls nobody else would end the frames, and what they hold.
        await frames.return?.()
      },
    },
    { highWaterMark: 0 },
  )

const encoder = new TextEncoder()
