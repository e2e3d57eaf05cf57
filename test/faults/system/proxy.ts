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
  readonly #pairs = new Set<[Socket, Socket]>();
  #next = 0;

  private constructor(targets: readonly number[]) {
    this.#server = createServer((near) => {
      const far = connect(targets[this.#next++ % targets.length]!, '127.0.0.1');
      const pair: [Socket, Socket] = [near, far];
      this.#pairs.add(pair);
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
    for (const [near, far] of this.#pairs) [near, far].forEach((socket) => socket.resetAndDestroy());
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
