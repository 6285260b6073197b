import { useCallback, useEffect, useRef, useState } from 'react'
import { ApiError } from '~/ui/client/rest'
import { closeOutbox } from '~/ui/console/model/outbox'
import { messageOf } from '~/ui/console/model/problems'
import { whenSignedOut } from '~/ui/console/model/rest'
import { parsePath, usePath } from '~/ui/console/model/router'
import { type CurrentSession, forgetDevice, readSession, signOut } from '~/ui/console/model/session'
import { notify } from '~/ui/console/model/toasts'
import { Toasts } from '~/ui/console/parts/toasts'
import { Waiting } from '~/ui/console/parts/waiting'
import { AccountPage } from '~/ui/console/views/account'
import { ResetPasswordPage, SignInPage } from '~/ui/console/views/sign-in'
import { StorePage } from '~/ui/console/views/store-page'
import { StoresPage } from '~/ui/console/views/stores'

/** Undefined while nobody knows; a page that cannot ask keeps asking. */
type Known = CurrentSession | 'signed-out' | undefined

const askAgainMs = 3000
const sessionEnded = 'Your session has ended. Please sign in again.'

export function App() {
  const route = parsePath(usePath())
  const [known, setKnown] = useState<Known>()
  const [notice, setNotice] = useState('')
  const [problem, setProblem] = useState('')

  const wasSignedIn = useRef(false)
  const leave = useCallback((why: string) => {
    wasSignedIn.current = false
    forgetDevice()
    closeOutbox()
    setNotice(why)
    setKnown('signed-out')
  }, [])

  const refresh = useCallback(async () => {
    try {
      setKnown(await readSession())
      wasSignedIn.current = true
      setProblem('')
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error
      leave(wasSignedIn.current ? sessionEnded : '')
    }
  }, [leave])

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const ask = () => {
      refresh().catch((error: unknown) => {
        setProblem(messageOf(error))
        timer = setTimeout(ask, askAgainMs)
      })
    }
    ask()
    return () => clearTimeout(timer)
  }, [refresh])

  useEffect(() => whenSignedOut(() => leave(sessionEnded)), [leave])

  async function onSignOut() {
    try {
      await signOut()
      leave('')
    } catch (error) {
      notify('error', `You are still signed in: ${messageOf(error)}`)
    }
  }

  return (
    <>
      {route.page === 'reset' ? <ResetPasswordPage /> : page()}
      <Toasts />
    </>
  )

  function page() {
    if (known === undefined) return <Waiting text={problem ? `${problem}. Trying again …` : 'One moment …'} />
    if (known === 'signed-out') return <SignInPage notice={notice} onSignedIn={refresh} />
    if (route.page === 'account') return <AccountPage session={known} onChanged={refresh} onSignOut={onSignOut} />
    if (route.page !== 'store') return <StoresPage session={known} onRefresh={refresh} onSignOut={onSignOut} />
    return <StorePage key={route.storeId} session={known} storeId={route.storeId} view={route.view} onSignOut={onSignOut} onRefresh={refresh} />
  }
}
