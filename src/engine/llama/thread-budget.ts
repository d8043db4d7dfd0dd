/** Shares the computing threads of a process: decodes of several models take turns rather than fight, which collapses throughput. */
export type ThreadBudget = {
  /** Runs `work` when this many threads are free, in order of arrival. A wish larger than the whole budget gets all of it. */
  use<Result>(threads: number, work: () => Promise<Result>): Promise<Result>
}

export const createThreadBudget = (total: number): ThreadBudget => {
  let free = total
  const waiting: { threads: number; go(): void }[] = []
  const serve = () => {
    for (let next = waiting[0]; next && next.threads <= free; next = waiting[0]) {
      waiting.shift()
      free -= next.threads
      next.go()
    }
  }
  return {
    async use(wanted, work) {
      const threads = Math.min(wanted, total)
      if (waiting.length === 0 && threads <= free) free -= threads
      else await new Promise<void>((go) => waiting.push({ threads, go }))
      try {
        return await work()
      } finally {
        free += threads
        serve()
      }
    },
  }
}
