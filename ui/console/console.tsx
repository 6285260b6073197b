import { createRoot } from 'react-dom/client'
import { App } from '~/ui/console/app'
import '~/ui/console/styles/base.css'

const root = document.getElementById('root')
if (root) createRoot(root).render(<App />)
