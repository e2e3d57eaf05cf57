import type { FastifyReply } from 'fastify';

const HEARTBEAT_MS = 15_000;
const RECHECK_MS = 3000;
/** A reader with this much unread data is disconnected; it starts again with the full state. */
const MAX_BUFFERED = 1024 * 1024;

/**
 * Server-sent events on one response: each `send` is one event, a comment every 15 s keeps proxies from closing it, and every 3 s the
 * caller's permission is checked again, so that a stream ends within 5 s of a sign-out or a lost role.
 */
export class EventStream {
  private number = 0;
  private readonly timers: NodeJS.Timeout[];
  private readonly closers: (() => void)[] = [];
  private isClosed = false;

  constructor(
    private readonly reply: FastifyReply,
    isStillAllowed: () => Promise<boolean>,
  ) {
    reply.hijack();
    reply.raw.writeHead(200, {
      ...headersOf(reply),
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    reply.raw.once('close', () => this.close());
    this.timers = [
      setInterval(() => this.write(': heartbeat\n\n'), HEARTBEAT_MS),
      setInterval(() => {
        isStillAllowed().then(
          (isAllowed) => {
            if (!isAllowed) this.close();
          },
          () => undefined,
        );
      }, RECHECK_MS),
    ];
  }

  send(data: unknown): void {
    this.number += 1;
    this.write(`id: ${this.number}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  /** Calls `closer` once when the stream ends, immediately if it has ended. */
  onClose(closer: () => void): void {
    if (this.isClosed) closer();
    else this.closers.push(closer);
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.timers.forEach(clearInterval);
    this.closers.forEach((closer) => closer());
    this.reply.raw.end();
  }

  private write(text: string): void {
    if (this.isClosed) return;
    this.reply.raw.write(text);
    if (this.reply.raw.writableLength > MAX_BUFFERED) {
      this.close();
      this.reply.raw.destroy();
    }
  }
}

/** The headers that helmet set; a hijacked response would lose them. */
function headersOf(reply: FastifyReply): Record<string, number | string | string[]> {
  return Object.fromEntries(
    Object.entries(reply.getHeaders()).filter((entry): entry is [string, number | string | string[]] => entry[1] !== undefined),
  );
}
