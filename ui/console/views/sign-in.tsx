import { type ReactNode, useState } from 'react'
import { rest } from '~/ui/console/model/rest'
import { navigate } from '~/ui/console/model/router'
import { Brand } from '~/ui/console/parts/brand'
import { Form, TextField, useSubmission } from '~/ui/console/parts/form'

type Mode = 'sign-in' | 'register' | 'forgotten'

export function SignInPage({ notice, onSignedIn }: { notice: string; onSignedIn: () => Promise<unknown> }) {
  const [mode, setMode] = useState<Mode>('sign-in')
  return (
    <Door notice={notice}>
      {mode === 'sign-in' && <SignIn onSignedIn={onSignedIn} />}
      {mode === 'register' && <Register onSignedIn={onSignedIn} />}
      {mode === 'forgotten' && <Forgotten />}
      <div className="door-links">
        {mode !== 'sign-in' && <LinkButton onClick={() => setMode('sign-in')}>Sign in</LinkButton>}
        {mode !== 'register' && <LinkButton onClick={() => setMode('register')}>Create an account</LinkButton>}
        {mode === 'sign-in' && <LinkButton onClick={() => setMode('forgotten')}>Forgotten your password?</LinkButton>}
      </div>
    </Door>
  )
}

const LinkButton = ({ onClick, children }: { onClick: () => void; children: ReactNode }) => (
  <button type="button" className="link" onClick={onClick}>
    {children}
  </button>
)

function Door({ notice, children }: { notice?: string; children: ReactNode }) {
  return (
    <main className="door">
      <div className="door-card">
        <Brand />
        {notice && (
          <p role="status" className="notice">
            {notice}
          </p>
        )}
        {children}
      </div>
    </main>
  )
}

function SignIn({ onSignedIn }: { onSignedIn: () => Promise<unknown> }) {
  const submission = useSubmission()
  return (
    <Form
      submission={submission}
      onSubmit={async (fields) => {
        await rest.call('POST /auth/login', { body: { email: fields.text('email'), password: fields.secret('password') } })
        await onSignedIn()
      }}
    >
      <h1>Sign in</h1>
      <TextField label="E-mail" name="email" type="email" autoComplete="username" required error={submission.errorOf('email')} />
      <TextField label="Password" name="password" type="password" autoComplete="current-password" required error={submission.errorOf('password')} />
      <button type="submit" className="button primary wide" disabled={submission.isBusy}>
        Sign in
      </button>
    </Form>
  )
}

function Register({ onSignedIn }: { onSignedIn: () => Promise<unknown> }) {
  const submission = useSubmission()
  return (
    <Form
      submission={submission}
      onSubmit={async (fields) => {
        const body = {
          email: fields.text('email'),
          password: fields.secret('password'),
          firstName: fields.text('firstName'),
          lastName: fields.optional('lastName'),
        }
        await rest.call('POST /auth/register', { body })
        await onSignedIn()
      }}
    >
      <h1>Create an account</h1>
      <div className="pair">
        <TextField label="First name" name="firstName" autoComplete="given-name" required error={submission.errorOf('firstName')} />
        <TextField label="Last name" name="lastName" autoComplete="family-name" error={submission.errorOf('lastName')} />
      </div>
      <TextField label="E-mail" name="email" type="email" autoComplete="username" required error={submission.errorOf('email')} />
      <TextField
        label="Password"
        name="password"
        type="password"
        autoComplete="new-password"
        minLength={10}
        maxLength={256}
        required
        hint="At least 10 characters"
        error={submission.errorOf('password')}
      />
      <button type="submit" className="button primary wide" disabled={submission.isBusy}>
        Create account
      </button>
    </Form>
  )
}

function Forgotten() {
  const submission = useSubmission()
  const [isSent, setSent] = useState(false)
  if (isSent) {
    return (
      <p role="status" className="notice">
        If there is an account with this e-mail, a link to a new password is on its way.
      </p>
    )
  }
  return (
    <Form
      submission={submission}
      onSubmit={(fields) => rest.call('POST /auth/password-reset', { body: { email: fields.text('email') } })}
      onDone={() => setSent(true)}
    >
      <h1>A new password</h1>
      <TextField label="E-mail" name="email" type="email" autoComplete="username" required error={submission.errorOf('email')} />
      <button type="submit" className="button primary wide" disabled={submission.isBusy}>
        Send me a link
      </button>
    </Form>
  )
}

/** The token is in the fragment of the link that was mailed, so it reaches no server's log. */
export function ResetPasswordPage() {
  const submission = useSubmission()
  const [token] = useState(() => decodeURIComponent(location.hash.slice(1)).replace(/^token=/, ''))
  const [isDone, setDone] = useState(false)
  if (isDone) {
    return (
      <Door notice="Your password has been changed. All your sessions have ended.">
        <button type="button" className="button primary wide" onClick={() => navigate('/console', { replace: true })}>
          Sign in
        </button>
      </Door>
    )
  }
  return (
    <Door>
      <Form
        submission={submission}
        onSubmit={(fields) => rest.call('POST /auth/password-reset/confirm', { body: { token, newPassword: fields.secret('newPassword') } })}
        onDone={() => setDone(true)}
      >
        <h1>A new password</h1>
        <TextField
          label="New password"
          name="newPassword"
          type="password"
          autoComplete="new-password"
          minLength={10}
          maxLength={256}
          required
          hint="At least 10 characters"
          error={submission.errorOf('newPassword')}
        />
        <button type="submit" className="button primary wide" disabled={submission.isBusy}>
          Change password
        </button>
      </Form>
    </Door>
  )
}
