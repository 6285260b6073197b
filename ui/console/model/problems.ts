import { ApiError } from '~/ui/client/rest'

/** What is told to a person of something that went wrong. */

/** A wrong entry that the page itself found, before anything was sent. */
export class FieldProblem extends Error {
  override name = 'FieldProblem'
  constructor(
    readonly path: string,
    message: string,
  ) {
    super(message)
  }
}

export type Problem = { message: string; fields: Record<string, string> }

/** Details of the server by their field, so that a form shows each beside its entry; `message` lists them all. */
export function problemOf(error: unknown): Problem {
  if (error instanceof FieldProblem) return { message: '', fields: { [error.path]: error.message } }
  if (!(error instanceof ApiError)) {
    console.error(error)
    return { message: 'Something went wrong on this page', fields: {} }
  }
  const fields = Object.fromEntries(error.details.map((detail) => [detail.path, detail.message]))
  const listed = error.details.map((detail) => `${detail.path} ${detail.message}`).join('; ')
  return { message: listed ? `${error.message}: ${listed}` : error.message, fields }
}

export const messageOf = (error: unknown): string => problemOf(error).message
