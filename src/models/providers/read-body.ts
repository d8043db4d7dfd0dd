/** How long a finished answer waits for the usage that should follow it. */
const lingerMs = 1_000

/** Reads a response body piece by piece and adds the time spent waiting for the host to `upstream`. `close` hangs up at once. */
export const readBody = (response: Response, upstream: { ms: number }) => {
  const reader = (response.body ?? emptyBody()).getReader()
  let ended = false
  const next = async (): Promise<Uint8Array | undefined> => {
    const sinceMs = performance.now()
    try {
      const { done, value } = await reader.read()
      ended = done
      return value
    } catch (error) {
      ended = true
      throw error
    } finally {
      upstream.ms += performance.now() - sinceMs
    }
  }
  return {
    /** `undefined` at the end of the body. */
    next,
    /** The same, but gives up after a moment as if the body had ended. */
    async soon(): Promise<Uint8Array | undefined> {
      let timer: ReturnType<typeof setTimeout> | undefined
      const late = new Promise<undefined>((resolve) => {
        timer = setTimeout(() => resolve(undefined), lingerMs)
      })
      try {
        return await Promise.race([next(), late])
      } finally {
        clearTimeout(timer)
      }
    },
    async close(): Promise<void> {
      if (!ended) await reader.cancel().catch(() => {})
    },
  }
}

const emptyBody = () => new ReadableStream<Uint8Array>({ start: (controller) => controller.close() })
