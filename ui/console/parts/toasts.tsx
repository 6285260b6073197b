import { dismiss, useToasts } from '~/ui/console/model/toasts'
import { Icon } from '~/ui/console/parts/icon'

/** Always there, so that screen readers hear what is put in. */
export function Toasts() {
  const toasts = useToasts()
  return (
    <div className="toasts" role="log" aria-live="polite" aria-label="Notices">
      {toasts.map((toast) => (
        <div key={toast.id} className={`toast ${toast.level}`} data-level={toast.level}>
          <span>{toast.message}</span>
          <button type="button" className="button quiet square small" aria-label="Dismiss" onClick={() => dismiss(toast.id)}>
            <Icon name="close" size={16} />
          </button>
        </div>
      ))}
    </div>
  )
}
