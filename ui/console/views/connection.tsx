import { useSyncExternalStore } from 'react'
import { useNow } from '~/ui/console/model/clock'
import { formatAge } from '~/ui/console/model/format'
import { useStoreScope } from '~/ui/console/model/store-scope'
import { type Sample, useStats } from '~/ui/console/model/use-stats'
import { LineChart } from '~/ui/console/parts/chart'
import { ConnectionMark } from '~/ui/console/parts/connection-mark'

const figures: { name: string; of: (sample: Sample) => number; unit: string }[] = [
  { name: 'Open sockets', of: (sample) => sample.connections, unit: '' },
  { name: 'Active sockets', of: (sample) => sample.active, unit: '' },
  { name: 'Deliveries per second', of: (sample) => sample.deliveriesPerSecond, unit: '' },
  { name: 'Answer time', of: (sample) => sample.answerMs, unit: ' ms' },
]

/** How this page stands with the hub, and how the hub is. */
export function ConnectionView() {
  const { client } = useStoreScope().connection
  const snapshot = useSyncExternalStore(client.subscribe, client.getSnapshot)
  const { samples, problem } = useStats()
  const nowMs = useNow(1000)
  const facts: [string, string][] = [
    ['State since', formatAge(nowMs - snapshot.since)],
    ['Round trip', snapshot.latencyMs === null ? '–' : `${Math.round(snapshot.latencyMs)} ms`],
    ['Failed attempts', String(snapshot.attempts)],
    ['Last ending', snapshot.ending ? `${snapshot.ending.code} ${snapshot.ending.reason}` : '–'],
    ['Role', snapshot.role ?? '–'],
  ]
  return (
    <div className="view">
      <header className="view-head">
        <h1>Connection</h1>
      </header>
      <section className="sheet padded" aria-label="This page">
        <ConnectionMark />
        <dl className="facts">
          {facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd className="number">{value}</dd>
            </div>
          ))}
        </dl>
        <div>
          <button type="button" className="button" onClick={() => client.reconnect()}>
            Connect anew
          </button>
        </div>
      </section>
      <h2>The hub, last three minutes</h2>
      {problem && <p role="alert">{problem}</p>}
      <div className="figures">
        {figures.map(({ name, of, unit }) => {
          const values = samples.map(of)
          const latest = values.at(-1)
          const text = latest === undefined ? '–' : `${latest < 10 && !Number.isInteger(latest) ? latest.toFixed(1) : Math.round(latest)}${unit}`
          return (
            <figure key={name} className="figure">
              <figcaption>
                {name} <b className="number">{text}</b>
              </figcaption>
              <LineChart values={values} label={`${name}: now ${text}, at most ${Math.round(Math.max(0, ...values))}${unit}`} />
            </figure>
          )
        })}
      </div>
    </div>
  )
}
