import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';

const [DATA, HEADERS, RST_STREAM, SETTINGS] = [0, 1, 3, 4];
const [END_STREAM, END_HEADERS] = [1, 4];
const CANCEL = 8;

/** HTTP/2 as bytes: a library's client withdraws a call that it resets at once, and sends none of it. */
export class RawHttp2 {
  /** Bytes that arrived. */
  received = 0;
  readonly #socket: TLSSocket;
  #stream = -1;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket
      .on('error', () => undefined)
      .on('data', (bytes: Buffer) => {
        this.received += bytes.length;
      });
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    this.#send(SETTINGS, 0, 0, Buffer.alloc(0));
  }

  /** The peer may be anyone. */
  static async open(address: string): Promise<RawHttp2> {
    const [host, port] = address.split(':');
    const socket = connect({ host: host!, port: Number(port), rejectUnauthorized: false, ALPNProtocols: ['h2'] });
    await once(socket, 'secureConnect');
    return new RawHttp2(socket);
  }

  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  /** Begins a call; what follows belongs to it. */
  begin(path: string): void {
    this.#stream += 2;
    const headers = {
      ':method': 'POST',
      ':scheme': 'https',
      ':path': path,
      ':authority': 'controller.ctfleet',
      'content-type': 'application/grpc',
      te: 'trailers',
    };
    this.#send(
      HEADERS,
      END_HEADERS,
      this.#stream,
      Buffer.concat(Object.entries(headers).map(([name, value]) => Buffer.concat([Buffer.from([0]), word(name), word(value)]))),
    );
  }

  data(bytes: Buffer, isLast: boolean): void {
    this.#send(DATA, isLast ? END_STREAM : 0, this.#stream, bytes);
  }

  reset(): void {
    this.#send(RST_STREAM, 0, this.#stream, Buffer.from([0, 0, 0, CANCEL]));
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(type: number, flags: number, stream: number, payload: Buffer): void {
    const head = Buffer.alloc(9);
    head.writeUIntBE(payload.length, 0, 3);
    head.writeUInt8(type, 3);
    head.writeUInt8(flags, 4);
    head.writeUInt32BE(stream, 5);
    if (!this.isClosed) this.#socket.write(Buffer.concat([head, payload]));
  }
}

/** A header literal, neither indexed nor compressed; shorter than 127 bytes. */
function word(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
}
