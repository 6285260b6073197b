/**
 * The chime of a new order. Browsers let a page sound only after a gesture; until then `state` says so, and the next
 * tap anywhere is enough.
 */

export type SoundState = 'off' | 'blocked' | 'on'

const wishKey = 'zipzap.sound'

class Chime {
  private context: AudioContext | undefined
  private listeners = new Set<() => void>()
  private isWanted = localStorage.getItem(wishKey) === 'on'

  constructor() {
    if (this.isWanted) this.wake()
    // The button decides for itself: woken before its click, the sound would count as on and be switched off.
    addEventListener('pointerdown', (event) => event.target instanceof Element && !event.target.closest('[data-sound]') && this.wake())
    addEventListener('keydown', () => this.wake())
  }

  get state(): SoundState {
    if (!this.isWanted) return 'off'
    return this.context?.state === 'running' ? 'on' : 'blocked'
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Called by a click; sounds once, so that everybody hears what is coming. */
  toggle(): void {
    this.isWanted = this.state !== 'on'
    localStorage.setItem(wishKey, this.isWanted ? 'on' : 'off')
    this.wake()
    this.tell()
    if (this.isWanted) this.play()
  }

  /** Two rising tones. */
  play(): void {
    const context = this.context
    if (!this.isWanted || context?.state !== 'running') return
    for (const [delay, frequency] of [
      [0, 784],
      [0.16, 1175],
    ] as const)
      tone(context, context.currentTime + delay, frequency)
  }

  private wake(): void {
    if (!this.isWanted || this.context?.state === 'running') return
    this.context ??= this.open()
    void this.context.resume().then(this.tell)
  }

  private open(): AudioContext {
    const context = new AudioContext()
    context.addEventListener('statechange', this.tell)
    return context
  }

  private tell = (): void => {
    for (const listener of this.listeners) listener()
  }
}

function tone(context: AudioContext, at: number, frequency: number): void {
  const oscillator = new OscillatorNode(context, { frequency, type: 'triangle' })
  const gain = new GainNode(context, { gain: 0 })
  gain.gain.setValueAtTime(0, at)
  gain.gain.linearRampToValueAtTime(0.4, at + 0.02)
  gain.gain.exponentialRampToValueAtTime(0.001, at + 0.5)
  oscillator.connect(gain).connect(context.destination)
  oscillator.start(at)
  oscillator.stop(at + 0.55)
}

export const chime = new Chime()
