import { detect } from 'tinyld'
import { needsText, type Scorer, undetermined, verdict } from '../scorer.ts'

/** The output is in the language `value`, an ISO 639-1 code such as `en`. Too little text tells nothing. */
export const language: Scorer = {
  type: 'language',
  refuse: needsText,
  score: ({ text }, { value }) => {
    const told = detect(text)
    return told === '' ? undetermined('too little text to tell its language') : verdict(told === value, `told as ${told}`)
  },
}
