import { AppError } from '../../lib/errors.ts'

/** Reads a signal one value at a time, and says at once when it moved. Knows no reference but what it has read. */
export type StreamDetector = {
  name: string
  /** `warming-up`: too little was read to tell. After `drift` it learns the new state. Throws `invalid_request` for no finite number. */
  add(value: number): StreamVerdict
}

export type StreamVerdict = 'warming-up' | 'stable' | 'drift'

export const mustBeReadable = (value: number): void => {
  if (!Number.isFinite(value)) throw new AppError('invalid_request', 'a drift stream takes finite numbers only')
}
