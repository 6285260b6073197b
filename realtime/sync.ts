import { timestamp } from '~/realtime/protocol'
import type { Subscription } from '~/realtime/subscription'
import type { StreamKey } from '~/utils/sealing'

/**
 * A `sync`: everything up to these positions was sent before it. `live`: from here on events come as they are committed.
 * Each socket gets one at every heartbeat, so it is written as text, at a tenth of what encoding objects costs; neither
 * names nor epochs (`[A-Za-z0-9_.-]+`) hold anything to escape.
 */
export function syncFrame(subscriptions: Iterable<Subscription>, { live, keys }: { live?: true; keys?: StreamKey[] } = {}): string {
  const positions: string[] = []
  for (const { stream, sentSeq, isTold, isEnded } of subscriptions) {
    // Only of those that the client knows: a position ahead of the word that a place was lost would hide the loss.
    if (isTold && !isEnded) positions.push(`"${stream.name}":{"epoch":"${stream.epoch}","seq":${sentSeq}}`)
  }
  const more = `${live ? ',"live":true' : ''}${keys ? `,"keys":${JSON.stringify(keys)}` : ''}`
  return `{"type":"sync","data":{"streams":{${positions.join(',')}}${more}},"timestamp":"${timestamp()}"}`
}
