import { Worker } from 'node:worker_threads'
import { AppError, type ErrorCode } from '../lib/errors.ts'
import type { DetectorOptions, Finding } from './detector.ts'

/** `detector` is the name of one that compares vectors. */
export type VectorQuestion = {
  detector: string
  reference: readonly Float32Array[]
  window: readonly Float32Array[]
  options: DetectorOptions
}
export type VectorAnswer = { finding: Finding } | { code: ErrorCode; message: string }

/**
 * A detector of embeddings in a thread of its own: a thousand beside a thousand take a second, in which the gateway would answer nobody.
 * The thread lives for one question, as windows end minutes apart. Rejects with what the detector throws.
 */
export const compareVectors = (question: VectorQuestion): Promise<Finding> => {
  const worker = new Worker(new URL('./vector-worker.ts', import.meta.url), { workerData: question })
  return new Promise<Finding>((resolve, reject) => {
    worker.once('message', (answer: VectorAnswer) => {
      if ('finding' in answer) resolve(answer.finding)
      else reject(new AppError(answer.code, answer.message))
    })
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`the thread that compares embeddings ended with ${code} and no answer`)))
  }).finally(() => worker.terminate())
}
