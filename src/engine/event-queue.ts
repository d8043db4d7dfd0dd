/** Joins a producer that calls with a consumer that iterates. Events that came before a failure are still delivered. */
export const eventQueue = <Event>() => {
  let waiting: Event[] = []
  let ended = false
  let failure: { error: unknown } | undefined
  let wake = Promise.withResolvers<void>()

  async function* events(): AsyncGenerator<Event> {
    for (;;) {
      const ready = waiting
      waiting = []
      yield* ready
      if (waiting.length > 0) continue
      if (failure) throw failure.error
      if (ended) return
      await wake.promise
      wake = Promise.withResolvers<void>()
    }
  }
  return {
    push(event: Event): void {
      waiting.push(event)
      wake.resolve()
    },
    end(): void {
      ended = true
      wake.resolve()
    },
    fail(error: unknown): void {
      failure = { error }
      wake.resolve()
    },
    events: events(),
  }
}
