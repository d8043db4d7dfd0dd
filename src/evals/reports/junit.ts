import type { EvalReportJson } from './json.ts'
import { faults } from './words.ts'

/** JUnit XML. Failures are of answers, errors of targets and judges. What models said stays out: such files are kept by many systems. */
export const junit = ({ suite, summary, results, started_at }: EvalReportJson): string => {
  const failures = results.filter(({ passed }) => passed === false).length
  const errors = results.filter(({ passed }) => passed === null).length
  const seconds = results.reduce((sum, { latency_ms }) => sum + (latency_ms ?? 0), 0) / 1000
  const cases = results.map((result) => {
    const name = result.repeat === 0 ? result.case : `${result.case} #${result.repeat + 1}`
    const open = `    <testcase classname="${xml(suite)}" name="${xml(name)}" time="${((result.latency_ms ?? 0) / 1000).toFixed(3)}"`
    if (result.passed === true) return `${open}/>`
    const kind = result.passed === false ? 'failure' : 'error'
    const told = faults(result).map((fault) => fault.slice(0, 512))
    const type = result.passed === false ? 'assertion' : 'not judged'
    return `${open}>\n      <${kind} type="${type}" message="${xml(told[0] ?? type)}">${xml(told.join('\n'))}</${kind}>\n    </testcase>`
  })
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites tests="${summary.answers}" failures="${failures}" errors="${errors}" time="${seconds.toFixed(3)}">`,
    `  <testsuite name="${xml(suite)}" tests="${summary.answers}" failures="${failures}" errors="${errors}" time="${seconds.toFixed(3)}" timestamp="${started_at}">`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\n': '&#10;' }
const xml = (text: string): string =>
  text.replace(/\p{Cc}/gu, (one) => ('\t\n\r'.includes(one) ? one : '\ufffd')).replace(/[&<>"\n]/g, (one) => entities[one] as string)
