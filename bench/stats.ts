/** Figures of several rounds, and how they are told. */

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const [low = 0, high = 0] = sorted.length % 2 ? [sorted[middle], sorted[middle]] : [sorted[middle - 1], sorted[middle]]
  return (low + high) / 2
}

/** The value below which such a part of the sorted values lies. */
export const quantile = (sorted: number[], part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0

/** What one measurement gave, by name. */
export type Figures = Record<string, number>

/** The median of each figure over the rounds. */
export function mediansOf(rounds: Figures[]): Figures {
  const names = Object.keys(rounds[0] ?? {})
  return Object.fromEntries(names.map((name) => [name, median(rounds.map((figures) => figures[name] ?? Number.NaN))]))
}

/** Takes off what the event itself takes without sockets, and tells of one delivery; what is a second ends in `/s`. */
export function perDelivery(rounds: Figures[], without: Figures[], sockets: number): Figures[] {
  const event = mediansOf(without)
  const each = ([name, value]: [string, number]) => [name, name.endsWith('/s') ? value * sockets : (value - (event[name] ?? 0)) / sockets]
  return rounds.map((figures) => Object.fromEntries(Object.entries(figures).map(each)))
}

/** The median of the ratios to another server's figure of the same round. */
export const ratioOf = (rounds: Figures[], others: Figures[], name: string): number =>
  median(rounds.map((figures, index) => (figures[name] ?? Number.NaN) / (others[index]?.[name] ?? Number.NaN)))

export const round = (value: number, digits = 0): string =>
  value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })

/** A Markdown table. */
export function table(head: string[], rows: string[][]): string {
  return [head, head.map((_, index) => (index === 0 ? '---' : '---:')), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
