/** Whether an answer declines: it begins like one that does, or says nothing. Told by its words alone, in English. */
export const looksLikeRefusal = (text: string): boolean => {
  const opening = text.trim().slice(0, 200).toLowerCase().replaceAll('’', "'")
  return (
    opening === '' ||
    /\b(i'm sorry|i am sorry|i apologi[sz]e|sorry, (but )?i|i can(no|')t|i cannot|i am (not able|unable)|i'm (not able|unable)|i (won't|will not)|as an ai|i (could|can) ?(not|n't) (find|help|assist|answer)|i don't (know|have)|unable to (help|assist|answer|provide))\b/.test(
      opening,
    )
  )
}
