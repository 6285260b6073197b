import { type FormEvent, useEffect, useState } from 'react'
import { ApiError, request } from '~/ui/console/api'
import type { Store } from '~/utils/contracts/store'

type Phase = 'asking' | 'signed-out' | 'signed-in'

export function App() {
  const [phase, setPhase] = useState<Phase>('asking')
  useEffect(() => {
    request('GET', '/auth/session').then(
      () => setPhase('signed-in'),
      () => setPhase('signed-out'),
    )
  }, [])
  if (phase === 'asking') return <p role="status">One moment …</p>
  return phase === 'signed-in' ? <Stores /> : <SignIn onSignedIn={() => setPhase('signed-in')} />
}

function SignIn({ onSignedIn }: { onSignedIn: () => void }) {
  const [failure, setFailure] = useState('')
  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const fields = new FormData(event.currentTarget)
    try {
      await request('POST', '/auth/login', { body: { email: fields.get('email'), password: fields.get('password') } })
      onSignedIn()
    } catch (error) {
      setFailure(error instanceof ApiError ? error.message : 'Something went wrong')
    }
  }
  return (
    <main className="narrow">
      <h1>ZipZap</h1>
      <form onSubmit={submit}>
        <label>
          E-mail <input name="email" type="email" autoComplete="username" required />
        </label>
        <label>
          Password <input name="password" type="password" autoComplete="current-password" required />
        </label>
        <button type="submit">Sign in</button>
        <p role="alert">{failure}</p>
      </form>
    </main>
  )
}

function Stores() {
  const [stores, setStores] = useState<Store[]>([])
  useEffect(() => {
    request<Store[]>('GET', '/stores?limit=100').then(({ data }) => setStores(data))
  }, [])
  return (
    <main className="narrow">
      <h1>Your stores</h1>
      <ul>
        {stores.map((store) => (
          <li key={store.id}>{store.name}</li>
        ))}
      </ul>
    </main>
  )
}
