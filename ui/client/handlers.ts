import type { ApplicationFrame, ApplicationType, FrameOf, HubFrameOf, SealedFrame, TrackedFrame } from '~/ui/client/frames'
import type { Reload } from '~/ui/client/options'

/** What `on` offers, with what each handler gets. */
export type ClientEvents = { [T in ApplicationType]: FrameOf<T> } & {
  /** Every application event, before the handlers of its type. */
  '*': ApplicationFrame
  /** The one order of a tracking token. */
  tracked: TrackedFrame | Extract<HubFrameOf<'subscribed'>, { data: { orderId: string } }>
  /** The state of a stream must be read anew, or was: see `Reload`. */
  reload: Reload
  /** A sealed event could not be opened, nor read by REST. */
  cannot_decrypt: SealedFrame
  ack: HubFrameOf<'ack'>
  error: HubFrameOf<'error'>
  /** The store of this message is no longer followed; `reason: 'revoked'` when its member was removed. */
  unsubscribed: HubFrameOf<'unsubscribed'>
  session_expiring: HubFrameOf<'session_expiring'>
}
