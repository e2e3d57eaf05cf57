import { connect, createServer, type Server, type Socket } from 'node:net';

/** Where one pod listens. */
export interface Endpoint {
  host: string;
  port: number;
}

/** Stands for a Service: TCP to one endpoint after the other, of those that are ready. */
export class Service {
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  #next = 0;

  private constructor(ready: () => readonly Endpoint[]) {
    this.#server = createServer((near) => {
      const endpoints = ready();
      const to = endpoints[this.#next++ % endpoints.length];
      if (!to) return near.resetAndDestroy();
      const far = connect(to.port, to.host);
      for (const [from, other] of [[near, far] as const, [far, near] as const]) {
        this.#sockets.add(from);
        from.on('error', () => undefined);
        from.once('close', () => {
          this.#sockets.delete(from);
          other.destroy();
        });
        from.pipe(other);
      }
    });
  }

  static async listen(port: number, ready: () => readonly Endpoint[]): Promise<Service> {
    const service = new Service(ready);
    await new Promise<void>((resolve, reject) => service.#server.once('error', reject).listen(port, '0.0.0.0', resolve));
    return service;
  }

  /** Breaks all connections; new ones are led on if there is anywhere to lead them. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}
