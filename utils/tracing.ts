import type { Attributes, Tracer } from '@opentelemetry/api'
import type { Config } from '~/utils/config'

/**
 * OpenTelemetry spans of what a request does: request, transaction, append, publish. They are sent over OTLP/HTTP to
 * `OTEL_EXPORTER_OTLP_ENDPOINT`. Without it none of the packages is loaded, and `traced` calls its work and nothing else.
 *
 * Attributes hold what the log may hold: methods, routes, statuses and ids of requests and streams; never a URL, a body
 * or a person.
 */

type Started = { tracer: Tracer; isError(span: object): void; shutdown(): Promise<void> }

let started: Started | undefined

/** Called once at the start; throws when a package cannot be loaded, never when the endpoint is away. */
export async function startTracing({ otlpEndpoint }: Pick<Config, 'otlpEndpoint'>, version: string): Promise<void> {
  if (!otlpEndpoint) return
  const [{ context, SpanStatusCode, trace }, { AsyncLocalStorageContextManager }, { OTLPTraceExporter }, { resourceFromAttributes }, sdk] =
    await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/context-async-hooks'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/sdk-trace'),
    ])
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  const exporter = new OTLPTraceExporter({ url: `${otlpEndpoint.replace(/\/$/, '')}/v1/traces`, timeoutMillis: 5_000 })
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'zipzap', 'service.version': version }),
    // Its queue is bounded: while the endpoint is away spans are dropped, and nothing waits for it.
    spanProcessors: [new sdk.BatchSpanProcessor({ exporter, scheduledDelayMillis: 1_000 })],
  })
  trace.setGlobalTracerProvider(provider)
  started = {
    tracer: provider.getTracer('zipzap', version),
    isError: (span) => (span as { setStatus(status: object): void }).setStatus({ code: SpanStatusCode.ERROR }),
    shutdown: async () => {
      await provider.shutdown().catch(() => {})
      trace.disable()
      context.disable()
    },
  }
}

/** Sends what is left, for a few seconds at most. */
export async function stopTracing(): Promise<void> {
  const stopping = started
  started = undefined
  await stopping?.shutdown()
}

/** Whether somebody wants spans: for places where even asking about them would cost something. */
export const isTracing = (): boolean => started !== undefined

/** What a span is given when its work has ended. */
export type Note = (attributes: Attributes) => void
const unheard: Note = () => {}

/** Runs `work` within a span that is the child of the one it runs in. A throw marks the span and goes on. */
export function traced<T>(name: string, work: (note: Note) => T): T {
  if (!started) return work(unheard)
  const { tracer, isError } = started
  return tracer.startActiveSpan(name, (span) => {
    const fail = (error: unknown): never => {
      isError(span)
      span.end()
      throw error
    }
    try {
      const result = work((attributes) => void span.setAttributes(attributes))
      if (result instanceof Promise) {
        const ended = result.then((value: unknown) => {
          span.end()
          return value
        }, fail)
        return sameAs(result, ended)
      }
      span.end()
      return result
    } catch (error) {
      return fail(error)
    }
  })
}

/** `ended` settles as `_work` does, after it. */
const sameAs = <T>(_work: T, ended: Promise<unknown>): T => ended as T
