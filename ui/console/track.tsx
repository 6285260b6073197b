import { createRoot } from 'react-dom/client'
import { TrackPage } from '~/ui/console/views/track-page'
import '~/ui/console/styles/index.css'

const token = decodeURIComponent(location.pathname.split('/')[2] ?? '')
const root = document.getElementById('root')
if (root) createRoot(root).render(<TrackPage token={token} />)
