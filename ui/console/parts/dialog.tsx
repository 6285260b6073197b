import { type ReactNode, useEffect, useId, useRef } from 'react'
import { Icon } from '~/ui/console/parts/icon'

/** A modal dialog by the browser's own `<dialog>`: it keeps the focus, and gives it back. `side` slides in at the edge. */
export function Dialog({ title, onClose, side = false, children }: { title: ReactNode; onClose: () => void; side?: boolean; children: ReactNode }) {
  const element = useRef<HTMLDialogElement>(null)
  const titleId = useId()
  useEffect(() => {
    const dialog = element.current
    if (!dialog) return
    dialog.showModal()
    return () => dialog.close()
  }, [])
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes a modal dialog without a handler; the click is the backdrop's
    <dialog
      ref={element}
      className={side ? 'dialog side' : 'dialog'}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
      onClick={(event) => {
        if (event.target === element.current) onClose()
      }}
    >
      <div className="dialog-body">
        <header className="dialog-head">
          <h2 id={titleId}>{title}</h2>
          <button type="button" className="button quiet square" onClick={onClose} aria-label="Close">
            <Icon name="close" />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  )
}
