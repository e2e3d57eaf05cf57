import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * What the path does to the bytes: `open` passes them on, `mute` accepts them and passes nothing (a half-open connection), `slow` passes
 * them later.
 */
export type Weather = 'open' | 'mute' | 'slow';

const SLOW_MS = 300;

/**
 * The path between agents and controllers: TCP on loopback, to the next of several ports with each new connection. It can cut, fall silent
 * and slow down.
 */
export class FaultProxy {
  weather: Weather = 'open';
  readonly #server: Server;
  readonly #pairs = new Map<[Socket, Socket], number>();
  #targets: readonly number[];
  #next = 0;

  private constructor(targets: readonly number[]) {
    this.#targets = targets;
    this.#server = createServer((near) => {
      const port = this.#targets[this.#next++ % this.#targets.length]!;
      const far = connect(port, '127.0.0.1');
      const pair: [Socket, Socket] = [near, far];
      this.#pairs.set(pair, port);
      for (const [from, to] of [pair, [far, near]] as const) {
        let tail = Promise.resolve();
        from.on('data', (bytes: Buffer) => {
          tail = tail.then(() => this.#pass(to, bytes));
        });
        from.on('error', () => undefined);
        from.once('close', () => {
          this.#pairs.delete(pair);
          to.destroy();
        });
      }
    });
  }

  static async listen(targets: readonly number[]): Promise<{ proxy: FaultProxy; port: number }> {
    const proxy = new FaultProxy(targets);
    await new Promise<void>((resolve, reject) => proxy.#server.once('error', reject).listen(0, '127.0.0.1', resolve));
    const address = proxy.#server.address();
    if (!address || typeof address !== 'object') throw new Error('the proxy has no port');
    return { proxy, port: address.port };
  }

  /** Breaks every connection, as a reset does. */
  cut(): void {
    for (const pair of this.#pairs.keys()) pair.forEach((socket) => socket.resetAndDestroy());
  }

  /** Leads new connections to these ports only, and breaks those to others. */
  leadTo(targets: readonly number[]): void {
    this.#targets = targets;
    for (const [pair, port] of this.#pairs) if (!targets.includes(port)) pair.forEach((socket) => socket.resetAndDestroy());
  }

  get targets(): readonly number[] {
    return this.#targets;
  }

  close(): void {
    this.cut();
    this.#server.close();
  }

  async #pass(to: Socket, bytes: Buffer): Promise<void> {
    if (this.weather === 'mute') return;
    if (this.weather === 'slow') await delay(SLOW_MS);
    to.write(bytes);
  }
}
