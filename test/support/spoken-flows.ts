import { createSocket, type Socket as Datagrams } from 'node:dgram';
import { once } from 'node:events';
import { createServer, Socket, type Server } from 'node:net';
import { encodeEcho } from '../../agent/wans/icmp-echo.ts';
import { PingSocket } from '../../agent/wans/ping-socket.ts';
import { inside } from './namespace.ts';

/** Which side sends, and over what. `chat`: the client asks and the server answers. */
export const KINDS = ['tcp upload', 'tcp download', 'tcp chat', 'udp chat', 'udp stream', 'ping'] as const;
export type Kind = (typeof KINDS)[number];

/** What the client sees: its flow continues, it is told, or neither. */
export type Seen = 'goes on' | 'told' | 'waits';

const SAY_MS = 40;
/** Far enough apart that no acknowledgement is in flight when the next comes. */
const SELDOM_MS = 400;
const CHUNK = Buffer.alloc(200, 'x');

export interface Place {
  namespace: string;
  address: string;
}
interface Ends {
  client: Place;
  server: Place;
  /** As the client addresses it. */ to: string;
  toPort: number;
  /** As the server listens. */ port: number;
}

/** One flow between two namespaces that stays active until it is ended. Its sockets belong to this thread. */
export class SpokenFlow {
  readonly kind: Kind;
  /** How often the client has seen it work. */
  progress = 0;
  isTold = false;
  readonly #ends: (() => void)[] = [];

  private constructor(kind: Kind) {
    this.kind = kind;
  }

  /** Resolves when the client has seen it work. */
  static async start(kind: Kind, ends: Ends): Promise<SpokenFlow> {
    const flow = new SpokenFlow(kind);
    if (kind === 'ping') await flow.#ping(ends);
    else if (kind.startsWith('tcp')) await flow.#tcp(ends);
    else await flow.#udp(ends);
    return flow;
  }

  end(): void {
    for (const end of this.#ends.splice(0)) end();
  }

  async #tcp({ client, server, to, toPort, port }: Ends): Promise<void> {
    const { kind } = this;
    const listener = await inside(server.namespace, async () => {
      const made: Server = createServer();
      made.listen(port, server.address);
      await once(made, 'listening');
      return made;
    });
    this.#ends.push(() => listener.close());
    listener.on('connection', (socket) => {
      this.#ends.push(() => socket.destroy());
      socket.on('error', () => undefined);
      socket.on('data', (data) => {
        if (kind === 'tcp upload') this.progress++;
        if (kind === 'tcp chat') socket.write(data);
      });
      if (kind === 'tcp download') this.#every(() => socket.destroyed || socket.write(CHUNK), SELDOM_MS);
    });
    const socket = new Socket();
    this.#ends.push(() => socket.destroy());
    await inside(client.namespace, async () => {
      socket.connect({ port: toPort, host: to, localAddress: client.address });
      await once(socket, 'connect');
    });
    socket.on('error', () => {
      this.isTold = true;
    });
    socket.on('close', () => {
      this.isTold = true;
    });
    if (kind !== 'tcp upload')
      socket.on('data', () => {
        this.progress++;
      });
    if (kind !== 'tcp download') this.#every(() => socket.destroyed || socket.write(CHUNK));
  }

  async #udp({ client, server, to, toPort, port }: Ends): Promise<void> {
    const type = to.includes(':') ? 'udp6' : 'udp4';
    const bound = async (place: Place, on: number, connect?: [number, string]): Promise<Datagrams> =>
      inside(place.namespace, async () => {
        const socket = createSocket(type);
        socket.bind(on, place.address);
        await once(socket, 'listening');
        if (connect) {
          socket.connect(...connect);
          await once(socket, 'connect');
        }
        return socket;
      });
    const listener = await bound(server, port);
    listener.on('error', () => undefined);
    let isStreaming = false;
    listener.on('message', (message, from) => {
      if (this.kind === 'udp chat') listener.send(message, from.port, from.address, () => undefined);
      else if (!isStreaming) {
        isStreaming = true;
        this.#every(() => listener.send(CHUNK, from.port, from.address, () => undefined));
      }
    });
    const socket = await bound(client, 0, [toPort, to]);
    socket.on('message', () => {
      this.progress++;
    });
    socket.on('error', () => {
      this.isTold = true;
    });
    const say = (): void =>
      socket.send(CHUNK, (error) => {
        if (error) this.isTold = true;
      });
    if (this.kind === 'udp chat') this.#every(say);
    else say();
    this.#ends.push(
      () => listener.close(),
      () => socket.close(),
    );
  }

  async #ping({ client, to }: Ends): Promise<void> {
    const socket = await inside(client.namespace, async () => new PingSocket({ device: 'eth0', address: to, source: client.address }));
    let seq = 0;
    this.#every(() => {
      for (const _ of socket.received()) this.progress++;
      socket.send(encodeEcho(socket.isV6, 4242, ++seq & 0xffff));
    });
    this.#ends.push(() => socket.close());
  }

  #every(say: () => unknown, ms = SAY_MS): void {
    const timer = setInterval(() => {
      say();
    }, ms);
    this.#ends.push(() => clearInterval(timer));
  }
}
