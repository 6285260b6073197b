import { useEffect, useState } from 'react'
import { formatDay } from '~/ui/console/model/format'
import { messageOf } from '~/ui/console/model/problems'
import { rest } from '~/ui/console/model/rest'
import type { CurrentSession } from '~/ui/console/model/session'
import { notify } from '~/ui/console/model/toasts'
import { Brand } from '~/ui/console/parts/brand'
import { DeleteButton } from '~/ui/console/parts/delete-button'
import { Form, TextField, useSubmission } from '~/ui/console/parts/form'
import { UserMenu } from '~/ui/console/parts/user-menu'
import type { Session } from '~/utils/contracts/auth'

type Props = { session: CurrentSession; onChanged: () => Promise<unknown>; onSignOut: () => void }

export function AccountPage({ session, onChanged, onSignOut }: Props) {
  return (
    <>
      <header className="top">
        <Brand />
        <span className="push" />
        <UserMenu user={session.user} onSignOut={onSignOut} />
      </header>
      <main className="narrow">
        <h1>Account</h1>
        <Profile session={session} onChanged={onChanged} />
        <Password />
        <Sessions />
      </main>
    </>
  )
}

function Profile({ session: { user }, onChanged }: Omit<Props, 'onSignOut'>) {
  const submission = useSubmission()
  return (
    <section className="sheet padded" aria-label="Profile">
      <h2>Profile</h2>
      <Form
        submission={submission}
        onSubmit={async (fields) => {
          const body = { firstName: fields.text('firstName'), lastName: fields.optional('lastName'), phone: fields.optional('phone') }
          await rest.call('PATCH /users/profile', { body })
          await onChanged()
        }}
        onDone={() => notify('success', 'Your profile is saved')}
      >
        <div className="pair">
          <TextField
            label="First name"
            name="firstName"
            defaultValue={user.firstName}
            maxLength={120}
            required
            autoComplete="given-name"
            error={submission.errorOf('firstName')}
          />
          <TextField
            label="Last name"
            name="lastName"
            defaultValue={user.lastName ?? ''}
            maxLength={120}
            autoComplete="family-name"
            error={submission.errorOf('lastName')}
          />
        </div>
        <TextField
          label="Phone"
          name="phone"
          type="tel"
          defaultValue={user.phone ?? ''}
          maxLength={40}
          autoComplete="tel"
          error={submission.errorOf('phone')}
        />
        <div className="form-actions">
          <button type="submit" className="button primary" disabled={submission.isBusy}>
            Save
          </button>
        </div>
      </Form>
    </section>
  )
}

function Password() {
  const submission = useSubmission()
  const [formKey, setFormKey] = useState(0)
  return (
    <section className="sheet padded" aria-label="Password">
      <h2>Password</h2>
      <Form
        key={formKey}
        submission={submission}
        onSubmit={(fields) =>
          rest.call('PATCH /users/password', {
            body: { currentPassword: fields.secret('currentPassword'), newPassword: fields.secret('newPassword') },
          })
        }
        onDone={() => {
          notify('success', 'Your password is changed; your other sessions have ended')
          setFormKey(formKey + 1)
        }}
      >
        <div className="pair">
          <TextField
            label="Current password"
            name="currentPassword"
            type="password"
            required
            autoComplete="current-password"
            error={submission.errorOf('currentPassword')}
          />
          <TextField
            label="New password"
            name="newPassword"
            type="password"
            minLength={10}
            maxLength={256}
            required
            hint="At least 10 characters"
            autoComplete="new-password"
            error={submission.errorOf('newPassword')}
          />
        </div>
        <div className="form-actions">
          <button type="submit" className="button primary" disabled={submission.isBusy}>
            Change password
          </button>
        </div>
      </Form>
    </section>
  )
}

function Sessions() {
  const [sessions, setSessions] = useState<Session[]>([])
  const [problem, setProblem] = useState('')
  useEffect(() => {
    let isCurrent = true
    rest.readAll('GET /users/sessions', {}).then(
      ({ rows }) => isCurrent && setSessions(rows),
      (error: unknown) => isCurrent && setProblem(messageOf(error)),
    )
    return () => {
      isCurrent = false
    }
  }, [])
  return (
    <section className="sheet" aria-label="Sessions">
      <header className="sheet-head">
        <h2>Signed in at</h2>
      </header>
      {problem && <p role="alert">{problem}</p>}
      <ul className="rows">
        {sessions.map((session) => (
          <li key={session.id} className="row">
            <span className="row-main">
              <span className="row-title">{browserOf(session.userAgent)}</span>
              <span className="soft row-sub">last used {formatDay(session.lastUsedAt)}</span>
            </span>
            {session.current ? (
              <span className="chip good">This one</span>
            ) : (
              <DeleteButton
                label="End"
                name={browserOf(session.userAgent)}
                explanation="It is signed out at once."
                onDelete={async () => {
                  await rest.call('DELETE /users/sessions/{id}', { params: { id: session.id } })
                  setSessions((all) => all.filter((each) => each.id !== session.id))
                }}
              />
            )}
          </li>
        ))}
      </ul>
    </section>
  )
}

/** The browser's name out of its User-Agent, as well as that can be told. */
function browserOf(userAgent: string | null): string {
  const known = [/Edg\/\d+/, /OPR\/\d+/, /Firefox\/\d+/, /Chrome\/\d+/, /Version\/\d+.*Safari/]
  const names = ['Edge', 'Opera', 'Firefox', 'Chrome', 'Safari']
  const found = known.findIndex((pattern) => pattern.test(userAgent ?? ''))
  const system = /\(([^;)]+)/.exec(userAgent ?? '')?.[1]
  const name = names[found] ?? (userAgent?.slice(0, 40) || 'Unknown browser')
  return found >= 0 && system ? `${name}, ${system}` : name
}
