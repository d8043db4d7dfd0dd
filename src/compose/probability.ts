import type { ProbabilityOf } from '../answer/choose-variant.ts'
import type { Classifier } from '../models/classifier.ts'
import type { Logger } from '../telemetry/log.ts'

/** A rule may not hold a request up for longer: without a verdict it does not hold, and the weights decide. */
const patienceMs = 1_000

/** What configured classifiers say of a text, for the rules of routes. */
export const createProbabilityOf =
  (classifierOf: (id: string) => Classifier | undefined, log: Logger): ProbabilityOf =>
  async ({ classifier: id, label, text, signal }) => {
    try {
      const asked = classifierOf(id)?.classify({ texts: [text], signal: AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]) })
      return (await asked)?.results[0]?.find((one) => one.label === label)?.score ?? null
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error, classifier: id }, 'a rule could not ask its classifier')
      return null
    }
  }
