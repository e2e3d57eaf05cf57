import 'reflect-metadata';
import { Server, ServerCredentials, type ServerDuplexStream, type ServerReadableStream, type sendUnaryData } from '@grpc/grpc-js';
import * as x509 from '@peculiar/x509';
import { saveIdentity } from '../../../agent/link/identity.ts';
import { AnswerReceipt } from '../../../proto/gen/ctfleet/v1/link.ts';
import { loneAuthority } from '../../support/lone-authority.ts';

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const GATEWAY = { tenantId: '01900000-0000-7000-8000-000000000001', gatewayId: '01900000-0000-7000-8000-000000000002' };
const asItIs = (bytes: Buffer): Buffer => bytes;
const RAW = {
  requestStream: true,
  requestSerialize: asItIs,
  requestDeserialize: asItIs,
  responseSerialize: asItIs,
  responseDeserialize: asItIs,
} as const;

/** One session of the agent, as bytes. */
export class AgentSession {
  isOver = false;
  readonly ended: Promise<void>;
  readonly #stream: ServerDuplexStream<Buffer, Buffer>;

  constructor(stream: ServerDuplexStream<Buffer, Buffer>) {
    this.#stream = stream;
    this.ended = new Promise((resolve) => {
      const end = (): void => {
        this.isOver = true;
        resolve();
      };
      for (const event of ['end', 'error', 'cancelled', 'close']) stream.once(event, end);
    });
  }

  /** Starts reading; until then the agent's frames wait. */
  listen(onFrame: (frame: Buffer) => void): void {
    this.#stream.on('data', onFrame);
  }

  /** Sends it; resolves when there is room for more, or the session has ended. */
  async say(frame: Buffer): Promise<void> {
    if (this.isOver || this.#stream.write(frame)) return;
    await Promise.race([this.ended, new Promise((resolve) => this.#stream.once('drain', resolve))]);
  }

  close(): void {
    this.#stream.end();
  }
}

/** A controller with a valid certificate that sends arbitrary bytes on the real link. */
export class RawController {
  onSession: (session: AgentSession) => void = () => undefined;
  /** Receives each part of an answer; returns false if it is unwanted. */
  onAnswerPart: (part: Buffer) => boolean = () => true;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Listens on loopback, and writes the identity of a gateway that trusts it into the folder. */
  static async start(agentDir: string): Promise<RawController> {
    const authority = await loneAuthority(Date.now());
    const { chain, key } = await authority.issueServer(Date.now());
    const server = new Server({ 'grpc.max_receive_message_length': 1 << 20 });
    const controller = new RawController(server);
    server.addService(
      {
        session: { ...RAW, path: '/ctfleet.v1.Link/Session', responseStream: true },
        answer: { ...RAW, path: '/ctfleet.v1.Link/Answer', responseStream: false },
      },
      {
        session: (stream: ServerDuplexStream<Buffer, Buffer>) => controller.onSession(new AgentSession(stream)),
        answer: (call: ServerReadableStream<Buffer, Buffer>, callback: sendUnaryData<Buffer>) => controller.#take(call, callback),
      },
    );
    const credentials = ServerCredentials.createSsl(
      Buffer.from(authority.pem),
      [{ cert_chain: Buffer.from(chain), private_key: Buffer.from(key) }],
      true,
    );
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error ? reject(error) : resolve(bound))),
    );
    const keys = await crypto.subtle.generateKey(EC, true, ['sign', 'verify']);
    const csr = await x509.Pkcs10CertificateRequestGenerator.create({ name: 'CN=attacked', keys, signingAlgorithm: EC });
    const { certificatePem } = await authority.issueGateway(csr.publicKey, GATEWAY, 1, Date.now());
    const privateKey = x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
    saveIdentity(agentDir, {
      gatewayId: GATEWAY.gatewayId,
      gatewayName: 'attacked',
      linkAddress: `127.0.0.1:${port}`,
      key: privateKey,
      certificate: certificatePem,
      ca: authority.pem,
    });
    return controller;
  }

  stop(): void {
    this.#server.forceShutdown();
  }

  #take(call: ServerReadableStream<Buffer, Buffer>, callback: sendUnaryData<Buffer>): void {
    let isDone = false;
    const finish = (isWanted: boolean): void => {
      if (isDone) return;
      isDone = true;
      callback(null, Buffer.from(AnswerReceipt.encode({ isWanted }).finish()));
    };
    call.on('data', (part: Buffer) => {
      if (!this.onAnswerPart(part)) finish(false);
    });
    call.once('end', () => finish(true));
    call.on('error', () => undefined);
    call.once('cancelled', () => {
      isDone = true;
    });
  }
}
