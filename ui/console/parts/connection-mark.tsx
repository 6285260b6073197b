import { WebSocketStatusIndicator } from '~/ui/components/websocket-status'
import { useOutbox } from '~/ui/console/model/outbox'
import { Link, storePath } from '~/ui/console/model/router'
import { useStoreScope } from '~/ui/console/model/store-scope'

/** How far the screen can be trusted, and what was refused after it had to wait. */
export function ConnectionMark() {
  const { outbox, storeId } = useStoreScope()
  const { failed } = useOutbox(outbox)
  return (
    <>
      <WebSocketStatusIndicator className="connection-mark" />
      {failed.length > 0 && (
        <Link className="button small danger-quiet" href={storePath(storeId, 'connection')}>
          {failed.length} refused
        </Link>
      )}
    </>
  )
}
