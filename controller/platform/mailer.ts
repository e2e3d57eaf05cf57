import { readFile } from 'node:fs/promises';
import { createTransport, type Transporter } from 'nodemailer';
import { toPrintable } from '../../proto/model/text.ts';
import type { Config } from './config.ts';

/** Provider token of the mailer; undefined where no mail server is set. */
export const MAILER = Symbol('mailer');

const CONNECT_MS = 10_000;
const SILENT_MS = 20_000;
const MAX_ANSWER = 300;

/** A mail to one person. */
export interface Mail {
  to: { name: string; address: string };
  subject: string;
  text: string;
  html: string;
  /** The same for each attempt, so that whoever gets it twice can tell; absent: the library makes one. */
  id?: string;
}

/** Why a mail was not taken, with the server's own words, bounded and printable. `isPermanent`: another try gets the same answer. */
export class MailError extends Error {
  readonly isPermanent: boolean;

  constructor(reason: string, isPermanent: boolean, cause: unknown) {
    super(reason, { cause });
    this.isPermanent = isPermanent;
  }
}

/** Hands mail to a server (SMTP): one connection each, bounded in time. */
export class Mailer {
  readonly #transport: Transporter;
  readonly #from: { name: string; address: string };

  private constructor(transport: Transporter, from: { name: string; address: string }) {
    [this.#transport, this.#from] = [transport, from];
  }

  /** Undefined where no mail server is set. Throws an Error with the variable and the remedy for a file that cannot be read. */
  static async open({ smtp }: Pick<Config, 'smtp'>): Promise<Mailer | undefined> {
    if (!smtp) return undefined;
    const { host, port, tls, caFile, user, passwordFile, from } = smtp;
    const ca = caFile === undefined ? undefined : await read('CTFLEET_SMTP_CA_FILE', caFile);
    const pass =
      passwordFile === undefined ? smtp.password : (await read('CTFLEET_SMTP_PASSWORD_FILE', passwordFile)).replace(/\r?\n$/, '');
    if (user !== undefined && !pass) throw new Error(`CTFLEET_SMTP_PASSWORD_FILE: ${passwordFile} is empty.`);
    return new Mailer(
      createTransport({
        host,
        port,
        secure: tls === 'tls',
        requireTLS: tls === 'starttls',
        ignoreTLS: tls === 'none',
        auth: user === undefined ? undefined : { user, pass: pass! },
        tls: { ca, minVersion: 'TLSv1.2' },
        dnsTimeout: CONNECT_MS,
        connectionTimeout: CONNECT_MS,
        greetingTimeout: CONNECT_MS,
        socketTimeout: SILENT_MS,
        disableFileAccess: true,
        disableUrlAccess: true,
      }),
      from,
    );
  }

  /** The server's answer once it has taken the mail. Throws MailError. */
  async send(mail: Mail): Promise<string> {
    try {
      const { response } = await this.#transport.sendMail(toSent(this.#from, mail));
      return bounded(response ?? '');
    } catch (error) {
      throw toMailError(error);
    }
  }
}

/** A mail for the library: names and addresses as parts, never as text to be parsed. */
export function toSent(from: Mail['to'], { to, subject, text, html, id }: Mail) {
  return {
    from,
    to: { name: toPrintable(to.name), address: to.address },
    // Said here too: whom it goes to does not depend on how the header is read.
    envelope: { from: from.address, to: [to.address] },
    subject: toPrintable(subject),
    text,
    html,
    ...(id !== undefined && { messageId: `<${id}@${from.address.slice(from.address.lastIndexOf('@') + 1)}>` }),
    headers: { 'Auto-Submitted': 'auto-generated' },
  };
}

/** What each failure of the library means. */
const FAULTS: Readonly<Record<string, string>> = {
  EDNS: 'The name of the mail server is not known',
  ECONNECTION: 'The mail server cannot be reached',
  ESOCKET: 'The connection to the mail server failed',
  ETIMEDOUT: 'The mail server did not answer in time',
  ETLS: 'The mail server offers no TLS that can be used',
  EAUTH: 'The mail server refused user and password',
  EENVELOPE: 'The mail server refused the address',
  EMESSAGE: 'The mail server refused the mail',
};

function toMailError(error: unknown): MailError {
  const {
    code = '',
    response,
    responseCode,
    message,
  } = error as { code?: string; response?: string; responseCode?: number; message?: string };
  const fault = FAULTS[code] ?? 'The mail could not be handed over';
  const isPermanent = ['EENVELOPE', 'EMESSAGE'].includes(code) && responseCode !== undefined && responseCode >= 500;
  return new MailError(`${fault}: ${bounded(response ?? message ?? '')}`, isPermanent, error);
}

const bounded = (text: string): string => toPrintable(text.trim()).slice(0, MAX_ANSWER);

async function read(variable: string, file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new Error(`${variable}: ${file} cannot be read: ${(cause as Error).message}`, { cause });
  });
}
