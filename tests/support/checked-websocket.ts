import { noteFrame } from './frames'

/**
 * The global WebSocket of a test run: whoever opens one, be it a test or the client library, has every frame of it held
 * against AsyncAPI, in both directions. What is wrong on purpose is sent by `sendUnchecked`.
 */
export class CheckedWebSocket extends WebSocket {
  constructor(...options: ConstructorParameters<typeof WebSocket>) {
    super(...options)
    this.addEventListener('message', (event) => noteFrame('server', JSON.parse(String(event.data))))
  }

  override send(data: string): void {
    noteFrame('client', JSON.parse(data))
    super.send(data)
  }

  sendUnchecked(data: string): void {
    super.send(data)
  }
}
