import { useSyncExternalStore } from 'react'
import { chime } from '~/ui/console/model/sound'
import { Icon } from '~/ui/console/parts/icon'

const labels = { on: 'Sound is on', off: 'Sound is off', blocked: 'Tap to allow sound' }

/** One click allows the chime of new orders. */
export function SoundButton() {
  const state = useSyncExternalStore(chime.subscribe, () => chime.state)
  return (
    <button
      type="button"
      data-sound
      className={`button quiet ${state === 'blocked' ? 'wanted' : 'square'}`}
      aria-pressed={state === 'on'}
      title={labels[state]}
      onClick={() => chime.toggle()}
    >
      <Icon name={state === 'on' ? 'sound' : 'mute'} />
      <span className={state === 'blocked' ? '' : 'visually-hidden'}>{state === 'blocked' ? 'Allow sound' : 'Sound of new orders'}</span>
    </button>
  )
}
