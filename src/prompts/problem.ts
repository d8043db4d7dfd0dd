import { AppError } from '../lib/errors.ts'

/** One fault in a prompt file, at a place an editor can jump to. Lines and columns count from 1. */
export type Problem = { file: string; line: number; column: number; rule: ProblemRule; message: string }

export type ProblemRule =
  | 'front-matter'
  | 'schema'
  | 'config'
  | 'tools'
  | 'output'
  | 'name'
  | 'syntax'
  | 'unmatched-block'
  | 'unknown-helper'
  | 'helper-arguments'
  | 'unknown-partial'
  | 'circular-partial'
  | 'unsupported'
  | 'undefined-variable'
  | 'unused-variable'
  | 'unprintable-variable'
  | 'empty-body'

/** `prompts/a.prompt:3:7: message [rule]` */
export const formatProblem = ({ file, line, column, rule, message }: Problem): string => `${file}:${line}:${column}: ${message} [${rule}]`

/** A fault in a partial is found once for every prompt that uses it, and told once. */
export const distinctProblems = (problems: Problem[]): Problem[] => [
  ...new Map(problems.map((problem) => [formatProblem(problem), problem])).values(),
]

/** Thrown when a prompt cannot be used; the message lists every problem, one per line. */
export class PromptFileError extends AppError {
  readonly problems: Problem[]

  constructor(problems: Problem[]) {
    super('invalid_request', problems.map(formatProblem).join('\n'))
    this.name = 'PromptFileError'
    this.problems = problems
  }
}
