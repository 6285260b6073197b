# syntax=docker/dockerfile:1
# A tag can move: in production pin what you tested, `--build-arg BUN_IMAGE=oven/bun:1.4.5-slim@sha256:…`.
ARG BUN_IMAGE=oven/bun:1.4.5-slim

FROM ${BUN_IMAGE} AS packages
WORKDIR /app
COPY package.json bun.lock bunfig.toml ./
COPY patches ./patches
RUN bun install --frozen-lockfile --production --ignore-scripts

FROM ${BUN_IMAGE}
WORKDIR /app
ENV NODE_ENV=production PORT=8000
COPY --from=packages /app/node_modules ./node_modules
COPY package.json tsconfig.json server.ts instance.ts ./
COPY controllers ./controllers
COPY db ./db
COPY realtime ./realtime
COPY routes ./routes
COPY scripts ./scripts
COPY ui ./ui
COPY utils ./utils
COPY workers ./workers
# Only the embedded database writes: with DATABASE_URL the root file system may be read-only.
RUN mkdir .data && chown bun:bun .data
USER bun
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["bun", "--no-env-file", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/live`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["bun", "--no-env-file", "server.ts"]
