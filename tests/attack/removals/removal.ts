/** In a copy of the tree `text`, which its file holds once, is replaced by `by`. */
export type Change = { file: string; text: string; by: string }

/** A defence that can be taken out, by one change or several, and the checks that must then fail; see tests/attack/removals.ts. */
export type Removal = Change & {
  /** What is missing then. */
  without: string
  /** Where a second line of defence stands behind the first. */
  also?: Change[]
  red: string[]
}
