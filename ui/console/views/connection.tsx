import type { ReactNode } from 'react'
import type { PendingWrite } from '~/ui/client/outbox'
import { WebSocketStatusIndicator } from '~/ui/components/websocket-status'
import { formatTime } from '~/ui/console/model/format'
import { tryAgain, useOutbox } from '~/ui/console/model/outbox'
import { describeWrite } from '~/ui/console/model/pending'
import { useStoreScope } from '~/ui/console/model/store-scope'
import { type Sample, useStats } from '~/ui/console/model/use-stats'
import { LineChart } from '~/ui/console/parts/chart'
import { useWebSocketContext } from '~/ui/providers/websocket-provider'

const figures: { name: string; of: (sample: Sample) => number; unit: string }[] = [
  { name: 'Open sockets', of: (sample) => sample.connections, unit: '' },
  { name: 'Active sockets', of: (sample) => sample.active, unit: '' },
  { name: 'Deliveries per second', of: (sample) => sample.deliveriesPerSecond, unit: '' },
  { name: 'Answer time', of: (sample) => sample.answerMs, unit: ' ms' },
]

/** How this page stands with the hub, what it still has to send, and how the hub is. */
export function ConnectionView() {
  const { reconnect } = useWebSocketContext()
  return (
    <div className="view">
      <header className="view-head">
        <h1>Connection</h1>
      </header>
      <section className="sheet padded" aria-label="This page">
        <WebSocketStatusIndicator className="connection-mark" showDetails />
        <div>
          <button type="button" className="button" onClick={reconnect}>
            Reconnect
          </button>
        </div>
      </section>
      <Writes />
      <HubFigures />
    </div>
  )
}

function Writes() {
  const { outbox, data } = useStoreScope()
  const { pending, failed } = useOutbox(outbox)
  if (pending.length + failed.length === 0) return null
  return (
    <section className="sheet" aria-label="Writes of this device">
      <header className="sheet-head">
        <h2>On this device</h2>
      </header>
      <ul className="rows">
        {failed.map((write) => (
          <WriteRow key={write.key} write={write} text={describeWrite(write, data)}>
            <button type="button" className="button small" onClick={() => void tryAgain(outbox, write)}>
              Try again
            </button>
            <button type="button" className="button small danger-quiet" onClick={() => void outbox.dismiss(write.key)}>
              Give up
            </button>
          </WriteRow>
        ))}
        {pending.map((write) => (
          <WriteRow key={write.key} write={write} text={describeWrite(write, data)}>
            <span className="chip warn">Waiting</span>
          </WriteRow>
        ))}
      </ul>
    </section>
  )
}

function WriteRow({ write, text, children }: { write: PendingWrite; text: string; children: ReactNode }) {
  return (
    <li className="row">
      <span className="row-main">
        <span className="row-title">{text}</span>
        <span className="soft row-sub">
          {formatTime(new Date(write.addedAt).toISOString())}
          {write.failure && ` · refused: ${write.failure.message}`}
        </span>
      </span>
      {children}
    </li>
  )
}

function HubFigures() {
  const { samples, problem } = useStats()
  return (
    <>
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
    </>
  )
}
