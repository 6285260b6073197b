import { createRoot } from 'react-dom/client'
import { App } from '~/ui/console/app'
import { adoptDeviceToken } from '~/ui/console/model/session'
import { applyTheme } from '~/ui/console/model/theme'
import '~/ui/console/styles/index.css'

applyTheme()
adoptDeviceToken()
const root = document.getElementById('root')
if (root) createRoot(root).render(<App />)
