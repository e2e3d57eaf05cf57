import path from 'node:path';
import type { NextConfig } from 'next';

const root = path.join(import.meta.dirname, '..');

/** Standalone server, built from the repository root because pages import proto/. Compression is off: it would delay server-sent events. */
const config: NextConfig = {
  output: 'standalone',
  outputFileTracingRoot: root,
  turbopack: { root },
  poweredByHeader: false,
  compress: false,
  devIndicators: false,
};

export default config;
