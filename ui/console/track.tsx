import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { TrackPage } from '~/ui/console/track-page'
import '~/ui/console/styles/base.css'

const root = document.getElementById('root')
if (root) {
  createRoot(root).render(
    <StrictMode>
      <TrackPage />
    </StrictMode>,
  )
}
