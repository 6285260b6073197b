import { useEffect, useId, useRef, useState } from 'react'
import { fullName } from '~/ui/console/model/format'
import { Link } from '~/ui/console/model/router'
import { setTheme, type Theme, useTheme } from '~/ui/console/model/theme'
import { Choice } from '~/ui/console/parts/form'
import { Icon } from '~/ui/console/parts/icon'
import type { User } from '~/utils/contracts/user'

const themes: readonly (readonly [Theme, string])[] = [
  ['system', 'System'],
  ['light', 'Light'],
  ['dark', 'Dark'],
]

export function UserMenu({ user, onSignOut }: { user: User; onSignOut: () => void }) {
  const [isOpen, setOpen] = useState(false)
  const element = useRef<HTMLDivElement>(null)
  const theme = useTheme()
  const id = useId()

  useEffect(() => {
    if (!isOpen) return
    const closeOutside = (event: Event) => event.target instanceof Node && !element.current?.contains(event.target) && setOpen(false)
    const closeByKey = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return
      setOpen(false)
      element.current?.querySelector('button')?.focus()
    }
    document.addEventListener('pointerdown', closeOutside)
    document.addEventListener('focusin', closeOutside)
    document.addEventListener('keydown', closeByKey)
    return () => {
      document.removeEventListener('pointerdown', closeOutside)
      document.removeEventListener('focusin', closeOutside)
      document.removeEventListener('keydown', closeByKey)
    }
  }, [isOpen])

  return (
    <div className="user-menu" ref={element}>
      <button
        type="button"
        className="button quiet square"
        aria-expanded={isOpen}
        aria-controls={id}
        aria-label={`Menu of ${fullName(user)}`}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name="person" />
      </button>
      {isOpen && (
        <div className="menu-card" id={id}>
          <p className="menu-name">
            <b>{fullName(user)}</b>
            <span className="soft">{user.email ?? 'Device'}</span>
          </p>
          <Choice legend="Colours" name="theme" options={themes} value={theme} onChange={setTheme} />
          <Link className="menu-row" href="/console" onClick={() => setOpen(false)}>
            <Icon name="store" size={18} /> Stores
          </Link>
          {user.kind === 'person' && (
            <Link className="menu-row" href="/console/account" onClick={() => setOpen(false)}>
              <Icon name="settings" size={18} /> Account
            </Link>
          )}
          <button type="button" className="menu-row" onClick={onSignOut}>
            <Icon name="back" size={18} /> {user.kind === 'person' ? 'Sign out' : 'Forget this device'}
          </button>
        </div>
      )}
    </div>
  )
}
