/** The list's entries one after another, from the beginning again after the last. Throws on an empty list. */
export function inTurn<T>(list: readonly T[], index: number): T {
  const found = list[index % list.length]
  if (found === undefined) throw new Error('an empty list')
  return found
}
