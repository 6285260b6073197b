import { useState } from 'react'
import { Link, storePath, type View } from '~/ui/console/model/router'
import { isCounter, isManager } from '~/ui/console/model/store-scope'
import { Icon, type IconName } from '~/ui/console/parts/icon'
import type { Role } from '~/utils/contracts/common'

type Item = { view: View; name: string; icon: IconName; isFor: (role: Role) => boolean }

const crew = (role: Role) => role !== 'kiosk'
const everyone = () => true

/** The first four stay in sight on a phone. */
const items: Item[] = [
  { view: 'board', name: 'Orders', icon: 'board', isFor: everyone },
  { view: 'till', name: 'Till', icon: 'till', isFor: (role) => isCounter(role) || role === 'kiosk' },
  { view: 'kitchen', name: 'Kitchen', icon: 'kitchen', isFor: crew },
  { view: 'catalogue', name: 'Catalogue', icon: 'catalogue', isFor: everyone },
  { view: 'customers', name: 'Customers', icon: 'customers', isFor: isCounter },
  { view: 'team', name: 'Team', icon: 'team', isFor: crew },
  { view: 'activity', name: 'Activity', icon: 'activity', isFor: crew },
  { view: 'connection', name: 'Connection', icon: 'connection', isFor: everyone },
  { view: 'settings', name: 'Settings', icon: 'settings', isFor: isManager },
]

const alwaysShown = 4

export const viewsFor = (role: Role): View[] => items.filter((item) => item.isFor(role)).map((item) => item.view)

export function Nav({ storeId, role, view, unseen }: { storeId: string; role: Role; view: View; unseen: number }) {
  const [isOpen, setOpen] = useState(false)
  const shown = items.filter((item) => item.isFor(role))
  const isBehind = !isOpen && shown.findIndex((item) => item.view === view) >= alwaysShown
  return (
    <nav className="nav" aria-label="Store">
      <ul className={isOpen ? 'all' : ''}>
        {shown.map((item, index) => (
          <li key={item.view} className={index >= alwaysShown ? 'extra' : ''}>
            <Link href={storePath(storeId, item.view)} aria-current={item.view === view ? 'page' : undefined} onClick={() => setOpen(false)}>
              <Icon name={item.icon} />
              <span>{item.name}</span>
              {item.view === 'board' && unseen > 0 && (
                <span className="nav-mark number">
                  {unseen}
                  <span className="visually-hidden"> new</span>
                </span>
              )}
            </Link>
          </li>
        ))}
        {shown.length > alwaysShown && (
          <li className="more">
            <button type="button" className={isBehind ? 'holds-current' : ''} aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
              <Icon name={isOpen ? 'close' : 'more'} />
              <span>{isOpen ? 'Less' : 'More'}</span>
            </button>
          </li>
        )}
      </ul>
    </nav>
  )
}
