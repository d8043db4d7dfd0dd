import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Difference, differenceOf, sameAnswer } from '../../src/cache/semantic/guards.ts'

describe('two questions that may share an answer', () => {
  test.each([
    ['How do I reset my password?', 'how can I reset my password'],
    ['How do I reset my password?', 'Please tell me how I reset the password'],
    ['Could you please tell me how I reset my password?', 'How do I reset my password?'],
    ['Is there a way to top-up by card?', 'Is there any way to top up by card?'],
    ['Which papers do you publish?', 'which paper do you publish'],
    ['What does the refund policy cover?', 'what do the refund policies cover?'],
    ['Is parking allowed in Berlin?', 'is parking allowed in berlin'],
    ['Can I return an item within 5 days?', 'May I return items within five days?'],
    ['Does it cost 1,000 dollars?', 'does it cost 1000 dollars'],
    ['How long do I have to send a product back?', 'What is the time limit for returning something I bought?'],
  ])('%s | %s', (one, other) => {
    expect([differenceOf(one, other), differenceOf(other, one)]).toEqual([undefined, undefined])
  })
})

describe('two questions that look alike and are not', () => {
  test.each<[string, string, Difference]>([
    ['Is smoking allowed?', 'Is smoking not allowed?', 'negation'],
    ['Can I pay by card?', "Can't I pay by card?", 'negation'],
    ['Which rooms have a bath?', 'Which rooms have no bath?', 'negation'],
    ['Flights with a stop', 'Flights without a stop', 'negation'],
    ['Ist Rauchen erlaubt?', 'Ist Rauchen nicht erlaubt?', 'negation'],
    ['Are children admitted?', 'Are only children admitted?', 'negation'],
    ['Can I return it within 5 days?', 'Can I return it within 7 days?', 'number'],
    ['Can I return it within five days?', 'Can I return it within seven days?', 'number'],
    ['Can I return it within 5 days?', 'Can I return it within 5 weeks?', 'number'],
    ['What is 5% of the price?', 'What is 5 of the price?', 'number'],
    ['Is $20 enough?', 'Is €20 enough?', 'number'],
    ['Convert 1.5 to a fraction', 'Convert 15 to a fraction', 'number'],
    ['Is it the 1st of the month?', 'Is it the 21st of the month?', 'number'],
    ['Who founded Siemens in Germany?', 'Who founded Bosch in Germany?', 'name'],
    ['Does the iPhone15 support it?', 'Does the iPhone14 support it?', 'name'],
    ['Is ada@example.com a user?', 'Is bob@example.com a user?', 'name'],
    ['What does "throw" mean?', 'What does "catch" mean?', 'name'],
    ['Does Anna report to Bob?', 'Does Bob report to Anna?', 'name'],
    ['weather in paris', 'weather in london', 'word'],
    ['Is parking allowed?', 'Is overnight parking allowed?', 'word'],
    ['Is smoking allowed?', 'Is smoking forbidden?', 'word'],
    ['When does the shop open?', 'Where does the shop open?', 'word'],
    ['How do I turn it on?', 'How do I turn it off?', 'word'],
    ['Must I sign?', 'Can I sign?', 'word'],
    ['Trains from here', 'Trains to here', 'word'],
    ['How do I top up my card?', 'How can I top up by card?', 'word'],
    ['How can I top up my account with a card?', 'How can I top-up my card?', 'word'],
    ['Do I need to verify my identity?', 'I need to verify my identity', 'form'],
    ['Can I exchange currencies?', 'I would like to exchange currencies', 'form'],
    ['Did the dog bite the man?', 'Did the man bite the dog?', 'order'],
    ['天気はどうですか', '地震はどうですか', 'word'],
  ])('%s | %s', (one, other, why) => {
    expect([differenceOf(one, other), differenceOf(other, one)]).toEqual([why, why])
  })
})

describe('two answers', () => {
  test.each([
    ['You have 5 days.', 'You have five days.', 0.9, true],
    ['You have 5 days.', 'You have 7 days.', 0.99, false],
    ['Yes, that is allowed.', 'No, that is allowed.', 0.99, false],
    ['It is a dam.', 'Bananas are yellow.', 0.2, false],
    ['the same', 'the same', 0, true],
  ])('%s | %s', (one, other, similarity, same) => {
    expect(sameAnswer(one, other, similarity, 0.8)).toBe(same)
  })
})

describe('whatever is asked', () => {
  const words = fc.constantFrom(
    'how',
    'do',
    'I',
    'pay',
    'the',
    'fee',
    'in',
    'Berlin',
    'Munich',
    '5',
    'five',
    '7',
    'days',
    'not',
    'off',
    '"x"',
    '$3',
    '天気',
    '.',
    '?',
  )
  const questions = fc.array(words, { minLength: 1, maxLength: 12 }).map((all) => all.join(' '))
  const seed = { seed: 20_261_128, numRuns: 500 }

  test('the order of the two does not matter, and nothing differs from itself', () => {
    fc.assert(
      fc.property(questions, questions, (one, other) => {
        expect(differenceOf(one, other)).toBe(differenceOf(other, one))
        expect(differenceOf(one, one)).toBeUndefined()
        expect(differenceOf(one, `please ${one}`.toLowerCase())).not.toBe('number')
      }),
      seed,
    )
  })

  test('a "not", another number or another name always matters', () => {
    fc.assert(
      fc.property(questions, (one) => {
        expect(differenceOf(one, `${one} not`)).toBeDefined()
        expect(differenceOf(`${one} 12 days`, `${one} 13 days`)).toBeDefined()
        expect(differenceOf(`${one} from Anna`, `${one} from Otto`)).toBeDefined()
      }),
      seed,
    )
  })
})
