/** A line over time. Its words are in the caption: the picture alone says nothing to some. */
export function LineChart({ values, label }: { values: readonly number[]; label: string }) {
  const [width, height, margin] = [240, 56, 3]
  const top = Math.max(1, ...values)
  const step = width / Math.max(1, values.length - 1)
  const points = values.map((value, index) => `${(index * step).toFixed(1)},${(height - margin - (value / top) * (height - 2 * margin)).toFixed(1)}`)
  return (
    <svg className="chart" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={label}>
      {points.length > 1 && (
        <>
          <path className="chart-area" d={`M0,${height} L${points.join(' L')} L${((points.length - 1) * step).toFixed(1)},${height} Z`} />
          <path className="chart-line" d={`M${points.join(' L')}`} />
        </>
      )}
    </svg>
  )
}
