import type { Listen } from './database.ts'

/** Keeps a copy in memory in step with the database. */
export type Follower = {
  /** Listens, loads and polls. Throws when the first load fails. */
  start(): Promise<void>
  /** Loads now; a load already under way may have come too soon, so another follows it. */
  refresh(): Promise<void>
  close(): Promise<void>
}

export type FollowerOptions = {
  listen: Listen
  channel: string
  /** How stale the copy may get when notifications are lost. */
  pollMs: number
  reload: () => Promise<void>
  /** Hears of failed loads; the copy stays as it was. */
  onError: (error: unknown) => void
}

/** Reloads when notified and every `pollMs`, whatever was heard: NOTIFY hurries, polling decides. */
export const createFollower = ({ listen, channel, pollMs, reload, onError }: FollowerOptions): Follower => {
  const refresh = alone(reload)
  const refreshQuietly = () => refresh().catch(onError)
  let timer: ReturnType<typeof setTimeout> | undefined
  let unlisten: (() => Promise<void>) | undefined
  let closed = false
  const pollAgain = () => {
    if (closed) return
    timer = setTimeout(() => void refreshQuietly().then(pollAgain), pollMs)
  }
  return {
    refresh,
    async start() {
      unlisten = await listen(channel, () => void refreshQuietly())
      await refresh()
      pollAgain()
    },
    async close() {
      closed = true
      clearTimeout(timer)
      await unlisten?.()
    },
  }
}

/** Runs `work` once at a time; a call during a run waits for one more. */
const alone = (work: () => Promise<void>): (() => Promise<void>) => {
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined
  const run = (): Promise<void> => {
    const own = work().finally(() => {
      if (running === own) running = undefined
    })
    running = own
    return own
  }
  return () => {
    if (running === undefined) return run()
    next ??= running
      .catch(() => {})
      .then(() => {
        next = undefined
        return running ?? run()
      })
    return next
  }
}
