import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { inside } from './namespace.ts';

const PERIOD_MS = 250;
/** Registrars of the lab listen here, and the echo servers there. */
export const PORTS = { sip: 5060, echo: 9000 } as const;

/** Where a phone registers, and from where. An echo server does not say from whom it saw the packet. */
export interface Line {
  namespace: string;
  address: string;
  port: number;
  server: string;
  to: keyof typeof PORTS;
}

/** A phone that registers four times a second from one port, until it is ended. Its socket belongs to this thread. */
export class Registrant {
  readonly line: Line;
  /** The address that the registrar saw last. */
  seenAs: string | undefined;
  /** Registrations that were answered. */
  answers = 0;
  readonly #socket: Socket;
  readonly #timer: NodeJS.Timeout;
  #sequence = 0;

  private constructor(line: Line, socket: Socket) {
    this.line = line;
    this.#socket = socket;
    socket.on('message', (message) => {
      this.answers++;
      this.seenAs = /received=([^;\s]+);rport=/.exec(message.toString())?.[1];
    });
    socket.on('error', () => undefined);
    this.#timer = setInterval(() => this.#register(), PERIOD_MS);
    this.#register();
  }

  static async start(line: Line): Promise<Registrant> {
    const socket = await inside(line.namespace, async () => {
      const made = createSocket(line.address.includes(':') ? 'udp6' : 'udp4');
      made.bind(line.port, line.address);
      await once(made, 'listening');
      return made;
    });
    return new Registrant(line, socket);
  }

  end(): void {
    clearInterval(this.#timer);
    this.#socket.close();
  }

  #register(): void {
    const { address, port, server, to } = this.line;
    const text = [
      'REGISTER sip:pbx.example SIP/2.0',
      `Via: SIP/2.0/UDP ${address}:${port};branch=z9hG4bK${++this.#sequence};rport`,
      `CSeq: ${this.#sequence} REGISTER`,
      'Content-Length: 0',
      '',
      '',
    ];
    this.#socket.send(text.join('\r\n'), PORTS[to], server, () => undefined);
  }
}
