/** Where no frames are drawn (a hidden page, a server), this long takes their place. */
const hiddenFrameMs = 100
/** A visible page that is busy draws late; one that was hidden meanwhile, or is out of sight, not at all. */
const lateFrameMs = 1000

const jobs = new Set<() => void>()
let cancelFrame: (() => void) | undefined

/**
 * Runs before the next frame is drawn, or soon where none is. Answers how to take it back. Everything of one frame runs
 * in one go, so that React renders once for all of it.
 */
export function onNextFrame(run: () => void): () => void {
  const job = () => run()
  jobs.add(job)
  cancelFrame ??= requestFrame()
  return () => {
    jobs.delete(job)
    if (jobs.size > 0) return
    cancelFrame?.()
    cancelFrame = undefined
  }
}

function runJobs(): void {
  cancelFrame?.()
  cancelFrame = undefined
  const due = [...jobs]
  jobs.clear()
  for (const job of due) job()
}

function requestFrame(): () => void {
  const isDrawn = typeof requestAnimationFrame === 'function' && document.visibilityState !== 'hidden'
  const timer = setTimeout(runJobs, isDrawn ? lateFrameMs : hiddenFrameMs)
  const frame = isDrawn ? requestAnimationFrame(runJobs) : undefined
  return () => {
    clearTimeout(timer)
    if (frame !== undefined) cancelAnimationFrame(frame)
  }
}
