/** A curve as an SVG of its own: logarithmic from left to right, from zero upwards or logarithmic as well, readable on light and on dark pages. */

export type Point = { x: number; y: number }
export type Series = { name: string; points: Point[] }
export type Curve = { title: string; x: string; y: string; isLogarithmic?: boolean; series: Series[] }

const [width, height] = [640, 320]
const frame = { left: 64, right: 28, top: 64, bottom: 48 }
const steps = 4

/** Blue and orange of the same lightness, which those who see few colours tell apart; the second one is dashed as well. */
const style = `
  text { font: 12px system-ui, sans-serif; fill: #57606a }
  .title { font-size: 14px; font-weight: 600; fill: #24292f }
  .grid { stroke: #d0d7de }
  .line { fill: none; stroke-width: 2 }
  .s0 { stroke: #0969da; fill: #0969da } .s1 { stroke: #bc4c00; fill: #bc4c00 } .s2 { stroke: #8250df; fill: #8250df }
  .line.s1 { stroke-dasharray: 6 4 } .line.s2 { stroke-dasharray: 2 3 }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1 } .title { fill: #f0f6fc } .grid { stroke: #3d444d }
    .s0 { stroke: #4493f8; fill: #4493f8 } .s1 { stroke: #f0883e; fill: #f0883e } .s2 { stroke: #ab7df8; fill: #ab7df8 }
  }
  .line { fill: none }`

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
/** 10K, 10M */
const shorter = (value: number) => value.toLocaleString('en', { notation: 'compact' })
const short = (value: number) => (value < 100_000 ? value.toLocaleString('en', { maximumSignificantDigits: 3 }) : shorter(value))

/** The next of 1, 2, 2.5, 5, 10, 20 … that is not less. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value || 1))
  return ([1, 2, 2.5, 5, 10].find((digit) => digit * power >= value) ?? 10) * power
}

const shares = (top: number): number[] => Array.from({ length: steps + 1 }, (_, step) => (top * step) / steps)

/** The powers of ten from below the least to above the greatest. */
function powersAround(values: number[]): number[] {
  const [low, high] = [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values)))]
  return Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index))
}

export function plot({ title, x, y, series, isLogarithmic = false }: Curve): string {
  const points = series.flatMap((one) => one.points)
  const ys = points.map((point) => point.y)
  const rows = isLogarithmic ? powersAround(ys) : shares(roundUp(Math.max(...ys)))
  const [low, top] = [rows[0] ?? 0, rows.at(-1) ?? 1]
  const xs = points.map((point) => Math.log10(point.x))
  const [first, last] = [Math.min(...xs), Math.max(...xs)]
  const at = (value: number) => frame.left + ((Math.log10(value) - first) / (last - first || 1)) * (width - frame.left - frame.right)
  const share = (value: number) => (isLogarithmic ? Math.log10(value / low) / Math.log10(top / low) : Math.max(0, value) / top)
  const up = (value: number) => height - frame.bottom - share(value) * (height - frame.top - frame.bottom)
  const text = (content: string, left: number, down: number, more = '') =>
    `<text x="${left.toFixed(1)}" y="${down.toFixed(1)}"${more}>${escaped(content)}</text>`

  const grid = rows.map(
    (value) =>
      `<line class="grid" x1="${frame.left}" x2="${width - frame.right}" y1="${up(value).toFixed(1)}" y2="${up(value).toFixed(1)}"/>` +
      text(shorter(value), frame.left - 8, up(value) + 4, ' text-anchor="end"'),
  )
  const places = [...new Set(points.map((point) => point.x))].sort((a, b) => a - b)
  // A name that would stand on the one before it is left out.
  const named = places.filter((value, index) => index === 0 || at(value) - at(places[index - 1] ?? value) > 34)
  const names = named.map((value) => text(short(value), at(value), height - frame.bottom + 18, ' text-anchor="middle"'))
  const lines = series.flatMap((one, index) => {
    const path = one.points.map((point) => `${at(point.x).toFixed(1)},${up(point.y).toFixed(1)}`)
    const dots = one.points.map((point) => `<circle class="s${index}" cx="${at(point.x).toFixed(1)}" cy="${up(point.y).toFixed(1)}" r="3"/>`)
    return [`<polyline class="line s${index}" points="${path.join(' ')}"/>`, ...dots]
  })
  const keys = series.flatMap((one, index) => {
    const left = frame.left + index * 170
    return [`<line class="line s${index}" x1="${left}" x2="${left + 24}" y1="42" y2="42"/>`, text(one.name, left + 32, 46)]
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title).replaceAll('"', '&quot;')}">`,
    `<style>${style}\n</style>`,
    text(title, frame.left, 22, ' class="title"'),
    ...keys,
    ...grid,
    ...names,
    text(x, (frame.left + width - frame.right) / 2, height - 8, ' text-anchor="middle"'),
    text(
      y,
      16,
      (frame.top + height - frame.bottom) / 2,
      ` text-anchor="middle" transform="rotate(-90 16 ${(frame.top + height - frame.bottom) / 2})"`,
    ),
    ...lines,
    '</svg>\n',
  ].join('\n')
}
