import type { LoggerService } from '@nestjs/common';
import { destination, pino, type Logger } from 'pino';
import { toSafeJson } from '../../proto/model/text.ts';

/** Provider token of the pino logger. Messages are constant; what varies goes in fields. */
export const LOGGER = Symbol('logger');
export type { Logger };

const SECRET_PATHS = [
  'password',
  'secret',
  'token',
  'authorization',
  'cookie',
  'headers.authorization',
  'headers.cookie',
  '*.password',
  '*.secret',
  '*.token',
];

/** JSON lines on stdout; values under a secret's name are redacted, and control characters are escaped for terminals. */
export function createLogger(level: string): Logger {
  const out = destination({ fd: 1, sync: true });
  return pino(
    { level, base: undefined, redact: { paths: SECRET_PATHS, censor: '[redacted]' } },
    { write: (line) => out.write(toSafeJson(line)) },
  );
}

/** Nest's own messages through the same logger; routine ones at debug level. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...context: unknown[]): void {
    this.logger.debug({ context }, String(message));
  }
  warn(message: unknown, ...context: unknown[]): void {
    this.logger.warn({ context }, String(message));
  }
  error(message: unknown, ...context: unknown[]): void {
    this.logger.error(
      message instanceof Error ? { err: message } : { context },
      message instanceof Error ? 'start failed' : String(message),
    );
  }
}
