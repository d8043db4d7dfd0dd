import { AppError } from '../../lib/errors.ts'
import type { Detector } from '../detector.ts'
import { chiSquare } from './chi-square.ts'
import { domainClassifier } from './domain-classifier.ts'
import { jensenShannon, jensenShannonCategories } from './jensen-shannon.ts'
import { ks } from './ks.ts'
import { mannWhitney } from './mann-whitney.ts'
import { mmd } from './mmd.ts'
import { psi, psiCategories } from './psi.ts'
import { twoProportion } from './two-proportion.ts'
import { wasserstein, wassersteinLog } from './wasserstein.ts'

/** Every detector of windows; the name is the contract of configuration and findings. */
export const detectors: readonly Detector[] = [
  ...[ks, mannWhitney, wasserstein, wassersteinLog, psi, jensenShannon],
  ...[mmd, domainClassifier],
  ...[chiSquare, twoProportion, psiCategories, jensenShannonCategories],
]

const byName = new Map(detectors.map((detector) => [detector.name, detector]))

/** Throws `invalid_request` that lists the names when there is none such. */
export const detectorOf = (name: string): Detector => {
  const detector = byName.get(name)
  if (detector) return detector
  throw new AppError('invalid_request', `no detector is called ${name}; there are ${[...byName.keys()].join(', ')}`)
}
