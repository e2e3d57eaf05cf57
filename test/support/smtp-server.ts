import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { createSecureContext, TLSSocket } from 'node:tls';
import { DAY_MS, EC, importKey, makeRoot, signLeaf } from '../../controller/identity/certificates.ts';

/** A mail as the server got it. */
export interface ReceivedMail {
  from: string;
  to: string[];
  /** Headers and body as they came. */
  raw: string;
  user?: string;
  isEncrypted: boolean;
}

/** What the server says instead of what it would: an answer by command (`RCPT`, `DATA`, `AUTH`, …); undefined to go on. */
export type Script = (command: string) => string | undefined;

/**
 * A mail server (RFC 5321) on a port of this machine: STARTTLS or TLS from the beginning, one user. It keeps what it takes, and says what a
 * test wants it to say.
 */
export class SmtpServer {
  readonly received: ReceivedMail[] = [];
  /** Every command in order, those of a password without it. */
  readonly commands: string[] = [];
  script: Script = () => undefined;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #options: { tls: 'starttls' | 'tls' | 'none'; user: string; password: string };
  readonly #folder: string;
  readonly #context: ReturnType<typeof createSecureContext>;

  private constructor(folder: string, pem: { key: string; cert: string }, options: SmtpServer['options']) {
    this.#folder = folder;
    this.#options = options;
    this.#context = createSecureContext(pem);
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket)).on('error', () => undefined);
      this.#converse(options.tls === 'tls' ? this.#encrypt(socket) : socket, options.tls === 'tls', true);
    });
  }

  static async start({
    tls = 'starttls',
    user = 'ctfleet',
    password = 'a password of mail',
  }: Partial<SmtpServer['options']> = {}): Promise<SmtpServer> {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'ctfleet-smtp-'));
    const { ca, ...pem } = await makeCertificate();
    await writeFile(path.join(folder, 'ca.pem'), ca);
    const server = new SmtpServer(folder, pem, { tls, user, password });
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get options(): { tls: 'starttls' | 'tls' | 'none'; user: string; password: string } {
    return this.#options;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The settings of a controller that uses it. */
  get env(): Record<string, string> {
    const { tls, user, password } = this.#options;
    return {
      CTFLEET_SMTP_HOST: 'localhost',
      CTFLEET_SMTP_PORT: String(this.port),
      CTFLEET_SMTP_TLS: tls,
      CTFLEET_SMTP_CA_FILE: path.join(this.#folder, 'ca.pem'),
      CTFLEET_SMTP_FROM: 'ctfleet <ctfleet@example.net>',
      ...(tls !== 'none' && { CTFLEET_SMTP_USER: user, CTFLEET_SMTP_PASSWORD: password }),
    };
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await rm(this.#folder, { recursive: true, force: true });
  }

  #encrypt(socket: Socket): TLSSocket {
    const secure = new TLSSocket(socket, { isServer: true, secureContext: this.#context });
    secure.on('error', () => undefined);
    return secure;
  }

  #converse(socket: Socket, isEncrypted: boolean, isNew: boolean): void {
    const { tls, user, password } = this.#options;
    const lines = createInterface({ input: socket, crlfDelay: Infinity });
    const say = (text: string): void => void socket.write(`${text}\r\n`);
    let mail: { from: string; to: string[] } = { from: '', to: [] };
    let signedIn: string | undefined;
    let data: string[] | undefined;
    if (isNew) say('220 mail.example.net ESMTP');
    lines.on('line', (line) => {
      if (data) {
        if (line !== '.') return void data.push(line.startsWith('..') ? line.slice(1) : line);
        const raw = data.join('\r\n');
        data = undefined;
        const answer = this.script('MESSAGE');
        if (answer === undefined) this.received.push({ ...mail, raw, user: signedIn, isEncrypted });
        return say(answer ?? '250 2.0.0 taken as 4711');
      }
      const command = line.split(/[ :]/)[0]!.toUpperCase();
      this.commands.push(command === 'AUTH' ? 'AUTH' : line);
      const scripted = this.script(command);
      if (scripted !== undefined) return say(scripted);
      switch (command) {
        case 'EHLO':
          return say(
            [
              '250-mail.example.net',
              ...(tls === 'starttls' && !isEncrypted ? ['250-STARTTLS'] : []),
              ...(isEncrypted ? ['250-AUTH PLAIN'] : []),
              '250 8BITMIME',
            ].join('\r\n'),
          );
        case 'STARTTLS':
          if (tls !== 'starttls' || isEncrypted) return say('502 5.5.1 unknown');
          say('220 2.0.0 go on');
          lines.close();
          socket.removeAllListeners('data');
          return this.#converse(this.#encrypt(socket), true, false);
        case 'AUTH': {
          const [, name, given] = Buffer.from(line.split(' ')[2] ?? '', 'base64')
            .toString()
            .split('\0');
          if (!isEncrypted || name !== user || given !== password) return say('535 5.7.8 authentication failed');
          signedIn = name;
          return say('235 2.7.0 signed in');
        }
        case 'MAIL':
          mail = { from: addressIn(line), to: [] };
          return say('250 2.1.0 ok');
        case 'RCPT':
          mail.to.push(addressIn(line));
          return say('250 2.1.5 ok');
        case 'DATA':
          data = [];
          return say('354 go on');
        case 'QUIT':
          say('221 2.0.0 bye');
          return void socket.end();
        default:
          return say('502 5.5.1 unknown');
      }
    });
  }
}

const addressIn = (line: string): string => /<([^>]*)>/.exec(line)?.[1] ?? '';

/** The text of a mail: its first part, decoded. */
export function textOf({ raw }: ReceivedMail): string {
  const boundary = /boundary="?([^"\r\n;]+)/i.exec(raw)?.[1];
  const part = boundary === undefined ? raw : raw.split(`--${boundary}`)[1]!;
  const [head, ...body] = part.replace(/^\r\n/, '').split('\r\n\r\n');
  const text = body.join('\r\n\r\n');
  if (/quoted-printable/i.test(head!))
    return Buffer.from(
      text.replaceAll(/=\r\n/g, '').replaceAll(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
      'latin1',
    ).toString('utf8');
  return /base64/i.test(head!) ? Buffer.from(text, 'base64').toString('utf8') : text;
}

/** The sign-in link in a mail. */
export function linkIn(mail: ReceivedMail): string {
  const link = /https?:\/\/\S+\/welcome#\S+/.exec(textOf(mail))?.[0];
  if (link === undefined) throw new Error(`there is no link in ${textOf(mail)}`);
  return link;
}

/** A certificate for `localhost` and the authority that signed it. PEM. */
async function makeCertificate(): Promise<{ ca: string; key: string; cert: string }> {
  const root = await makeRoot(Date.now());
  const { publicKey, privateKey } = await crypto.subtle.generateKey(EC, true, ['sign', 'verify']);
  const leaf = await signLeaf(root, await importKey(root.key), {
    publicKey,
    subject: 'CN=localhost',
    nowMs: Date.now(),
    lifeMs: DAY_MS,
    extensions: [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }]),
    ],
  });
  const key = x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', privateKey), 'PRIVATE KEY');
  return { ca: root.certificate, key, cert: leaf.toString('pem') };
}
