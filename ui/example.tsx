import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { createRoot } from 'react-dom/client'
import { WebSocketStatusIndicator } from '~/components/websocket-status'
import { useLiveOrders } from '~/hooks/use-live'
import { useWebSocketContext, WebSocketProvider } from '~/providers/websocket-provider'

function Orders({ storeId }: { storeId: string }) {
  const { data = [], isLive } = useLiveOrders(storeId, { status: ['pending', 'confirmed'] })
  const lines = data.map((order) => <li key={order.id}>{`${order.orderNumber} is ${order.status}`}</li>)
  return <ul aria-busy={!isLive}>{lines}</ul>
}

function App() {
  const { storeId } = useWebSocketContext().state
  return storeId ? <Orders storeId={storeId} /> : <p>One moment …</p>
}

createRoot(document.body).render(
  <QueryClientProvider client={new QueryClient()}>
    <WebSocketProvider getToken={() => sessionStorage.getItem('token') ?? undefined}>
      <WebSocketStatusIndicator showDetails />
      <App />
    </WebSocketProvider>
  </QueryClientProvider>,
)
