import { useState } from 'react'
import { Icon } from '~/ui/console/parts/icon'

/** Copies a text; without the clipboard (plain HTTP) it shows the text, selected, to be copied by hand. */
export function CopyButton({ text, label }: { text: string; label: string }) {
  const [state, setState] = useState<'idle' | 'copied' | 'by-hand'>('idle')
  async function copy() {
    try {
      await navigator.clipboard.writeText(text)
      setState('copied')
    } catch {
      setState('by-hand')
    }
  }
  if (state === 'by-hand') return <input className="copy-text" readOnly value={text} aria-label={label} ref={(input) => input?.select()} />
  return (
    <button type="button" className="button" onClick={copy}>
      {state === 'copied' && <Icon name="check" />}
      <span aria-live="polite">{state === 'copied' ? 'Copied' : label}</span>
    </button>
  )
}
