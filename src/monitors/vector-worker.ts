/** The thread of `compareVectors`: one question, one answer. */
import { parentPort, workerData } from 'node:worker_threads'
import { AppError } from '../lib/errors.ts'
import type { VectorAnswer, VectorQuestion } from './compare-vectors.ts'
import { detectorOf } from './detectors/index.ts'

const answered = ({ detector: name, reference, window, options }: VectorQuestion): VectorAnswer => {
  try {
    const detector = detectorOf(name)
    if (detector.kind !== 'vector') throw new AppError('invalid_request', `the detector ${name} does not compare vectors`)
    return { finding: detector.compare(reference, window, options) }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return { code: error.code, message: error.message }
  }
}

parentPort?.postMessage(answered(workerData as VectorQuestion))
