import path from 'node:path';
import type { NextConfig } from 'next';

const root = path.join(import.meta.dirname, '..');

/** What proxy.ts leaves out: files of the build. Pages and the API have headers of their own. */
const STATIC = ['/_next/static/:path*', '/icon.svg'];
const STATIC_HEADERS = [
  { key: 'x-content-type-options', value: 'nosniff' },
  { key: 'strict-transport-security', value: 'max-age=31536000; includeSubDomains' },
  { key: 'content-security-policy', value: "object-src 'none'; base-uri 'none'; frame-ancestors 'none'" },
  { key: 'referrer-policy', value: 'same-origin' },
];

/** Standalone server, built from the repository root because pages import proto/. Compression is off: it would delay server-sent events. */
const config: NextConfig = {
  output: 'standalone',
  outputFileTracingRoot: root,
  turbopack: { root },
  poweredByHeader: false,
  compress: false,
  devIndicators: false,
  headers: async () => STATIC.map((source) => ({ source, headers: STATIC_HEADERS })),
};

export default config;
