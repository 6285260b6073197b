import {
  type FormEvent,
  type InputHTMLAttributes,
  type ReactNode,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
  useId,
  useState,
} from 'react'
import { FieldProblem, type Problem, problemOf } from '~/ui/console/model/problems'

/** Labelled fields, and what a form does with the server's refusals. */

type FieldProps = { label: string; hint?: ReactNode; error?: string | undefined }

function Field({ label, hint, error, id, children }: FieldProps & { id: string; children: ReactNode }) {
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children}
      {hint && (
        <p className="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p className="field-error" id={`${id}-error`}>
          {error}
        </p>
      )}
    </div>
  )
}

const described = (id: string, { hint, error }: FieldProps) => ({
  'aria-invalid': error ? true : undefined,
  'aria-describedby': [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ') || undefined,
})

export function TextField({ label, hint, error, ...input }: FieldProps & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId()
  return (
    <Field label={label} hint={hint} error={error} id={id}>
      <input id={id} {...described(id, { label, hint, error })} {...input} />
    </Field>
  )
}

export function TextArea({ label, hint, error, ...input }: FieldProps & TextareaHTMLAttributes<HTMLTextAreaElement>) {
  const id = useId()
  return (
    <Field label={label} hint={hint} error={error} id={id}>
      <textarea id={id} rows={2} {...described(id, { label, hint, error })} {...input} />
    </Field>
  )
}

type Options = readonly (readonly [value: string, name: string])[]

export function SelectField({ label, hint, error, options, ...select }: FieldProps & { options: Options } & SelectHTMLAttributes<HTMLSelectElement>) {
  const id = useId()
  return (
    <Field label={label} hint={hint} error={error} id={id}>
      <select id={id} {...described(id, { label, hint, error })} {...select}>
        {options.map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
    </Field>
  )
}

/** One of a few, all of them in sight. */
export function Choice<T extends string>(props: {
  legend: string
  name: string
  options: readonly (readonly [T, string])[]
  value: T
  onChange: (value: T) => void
}) {
  return (
    <fieldset className="choice">
      <legend className="visually-hidden">{props.legend}</legend>
      {props.options.map(([value, name]) => (
        <label key={value}>
          <input type="radio" name={props.name} checked={props.value === value} onChange={() => props.onChange(value)} />
          <span>{name}</span>
        </label>
      ))}
    </fieldset>
  )
}

export function Switch({
  label,
  checked,
  disabled,
  onChange,
}: {
  label: string
  checked: boolean
  disabled?: boolean
  onChange: (checked: boolean) => void
}) {
  return (
    <label className="switch">
      <input
        type="checkbox"
        role="switch"
        aria-checked={checked}
        checked={checked}
        disabled={disabled}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <span>{label}</span>
    </label>
  )
}

export type Submission = {
  isBusy: boolean
  failure: string
  errorOf(path: string): string | undefined
  /** Runs `work`; resolves with false when it was refused, and keeps why. */
  run(work: () => Promise<unknown>): Promise<boolean>
}

/** One action at a time, with the refusal of the last one. */
export function useSubmission(): Submission {
  const [isBusy, setBusy] = useState(false)
  const [problem, setProblem] = useState<Problem>({ message: '', fields: {} })
  return {
    isBusy,
    failure: problem.message,
    errorOf: (path) => problem.fields[path],
    async run(work) {
      if (isBusy) return false
      setBusy(true)
      try {
        await work()
        setProblem({ message: '', fields: {} })
        return true
      } catch (error) {
        setProblem(problemOf(error))
        return false
      } finally {
        setBusy(false)
      }
    },
  }
}

type FormProps = {
  submission: Submission
  onSubmit: (fields: Fields) => Promise<unknown>
  onDone?: () => void
  children: ReactNode
  className?: string
}

export function Form({ submission, onSubmit, onDone, children, className = 'form' }: FormProps) {
  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    event.stopPropagation()
    const fields = new Fields(new FormData(event.currentTarget))
    if (await submission.run(() => onSubmit(fields))) onDone?.()
  }
  return (
    <form className={className} onSubmit={submit}>
      {children}
      <p role="alert" className="form-failure">
        {submission.failure}
      </p>
    </form>
  )
}

/** Fields of a submitted form. */
export class Fields {
  constructor(private readonly data: FormData) {}

  text(name: string): string {
    const value = this.data.get(name)
    return typeof value === 'string' ? value.trim() : ''
  }

  /** Nothing entered is null. */
  optional(name: string): string | null {
    return this.text(name) || null
  }

  /** As it was typed: spaces at the ends of a password count. */
  secret(name: string): string {
    const value = this.data.get(name)
    return typeof value === 'string' ? value : ''
  }

  /** One of a few; what a select offers is nothing else. */
  oneOf<T extends string>(name: string, options: readonly T[]): T {
    return this.parsed(name, (text) => options.find((option) => option === text) ?? null, 'Choose one')
  }

  has(name: string): boolean {
    return this.data.has(name)
  }

  /** Reads by `parse`, which answers null for what it cannot read. */
  parsed<T>(name: string, parse: (text: string) => T | null, hint: string): T {
    const value = parse(this.text(name))
    if (value === null) throw new FieldProblem(name, hint)
    return value
  }
}
