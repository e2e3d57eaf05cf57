# Three images from one build: --target controller, web or agent.
FROM node:24-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
# The generators find their plugins by PATH; sharp comes with Next.js and serves pictures, of which the console has none.
ENV PATH=/src/node_modules/.bin:$PATH
RUN node tools/build.ts \
 && node tools/pack.ts controller /out/controller \
 && node tools/pack.ts agent /out/agent \
 && rm -rf web/.next/standalone/node_modules/sharp web/.next/standalone/node_modules/@img

FROM node:24-bookworm-slim AS controller
ENV NODE_ENV=production CTFLEET_STATE_DIR=/var/lib/ctfleet
WORKDIR /app
RUN install -d -o node -g node -m 700 /var/lib/ctfleet
COPY --from=build /out/controller ./
USER node
VOLUME /var/lib/ctfleet
EXPOSE 4000 4443 4444
CMD ["node", "--enable-source-maps", "build/controller/main.js"]

FROM node:24-bookworm-slim AS web
ENV NODE_ENV=production NEXT_TELEMETRY_DISABLED=1 HOSTNAME=0.0.0.0 PORT=3000
WORKDIR /app
COPY --from=build /src/web/.next/standalone ./
USER node
EXPOSE 3000
CMD ["node", "web/server.js"]

# User 0 because Docker puts an added capability into force for no other. Run it with all of them dropped but CAP_NET_ADMIN and CAP_NET_RAW.
FROM node:24-bookworm-slim AS agent
ENV NODE_ENV=production CTFLEET_STATE_DIR=/var/lib/ctfleet-agent
# What refuses packets, for reset and block.
RUN apt-get update && apt-get install -y --no-install-recommends nftables && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=build /out/agent ./
VOLUME /var/lib/ctfleet-agent
CMD ["node", "--enable-source-maps", "build/agent/main.js", "run"]
