import type { ChatEvent } from '../../models/chat-model.ts'

/** For callers that want the whole answer: text of a choice goes out as one delta, just before what follows it. */
export const mergeDeltas = (emit: (event: ChatEvent) => void) => {
  const held = new Map<number, Extract<ChatEvent, { type: 'text-delta' }>>()
  const release = (choice: number) => {
    const delta = held.get(choice)
    held.delete(choice)
    if (delta) emit(delta)
  }
  return {
    emit(event: ChatEvent): void {
      if (event.type !== 'text-delta') {
        if (event.type !== 'usage') release(event.choice)
        emit(event)
        return
      }
      const before = held.get(event.choice)
      if (!before) {
        held.set(event.choice, { ...event })
        return
      }
      before.text += event.text
      if (event.logprobs) before.logprobs = [...(before.logprobs ?? []), ...event.logprobs]
    },
    flush(): void {
      for (const choice of [...held.keys()]) release(choice)
    },
  }
}
