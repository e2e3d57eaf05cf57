import { lookup } from 'node:dns/promises';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { formatAddress, parseAddress, prefixContains, type Prefix } from '../../proto/model/address.ts';
import { toPrintable } from '../../proto/model/text.ts';

/** Provider token of what may dial an address that somebody named. */
export const OUTBOUND = Symbol('outbound');

const NAME_MS = 5000;
const ANSWER_MS = 15_000;
const MAX_BYTES = 4096;
const MAX_ANSWER = 300;
const MAX_RETRY_AFTER_SECONDS = 8 * 3600;

/** What is sent. Headers are of the form that Node takes; the body is JSON or text. */
export interface Outgoing {
  url: string;
  headers: Readonly<Record<string, string>>;
  body: string;
}

/** Why nothing was taken, in words for people. `isPermanent`: another try gets the same answer. */
export class OutboundError extends Error {
  readonly isPermanent: boolean;
  /** How long the other side asks to be left alone. */
  readonly retryAfterMs: number;

  constructor(reason: string, isPermanent: boolean, { retryAfterMs = 0, cause }: { retryAfterMs?: number; cause?: unknown } = {}) {
    super(reason, { cause });
    this.isPermanent = isPermanent;
    this.retryAfterMs = retryAfterMs;
  }
}

export interface OutboundOptions {
  /** Addresses that may be dialled although they are not public, and without TLS. */
  allowed: readonly Prefix[];
  /** All addresses of a name. */
  resolve?: (name: string) => Promise<string[]>;
  /** Certificates to trust in place of those of Node, PEM. */
  ca?: string;
}

/**
 * Sends what people want to be told to addresses that they named (F40). Only public addresses by https, or those that the installation's
 * owner allows; a name is resolved once, and exactly that address is dialled, whatever the name means a moment later. Nothing is followed
 * and little is read.
 */
export class Outbound {
  private readonly allowed: readonly Prefix[];
  private readonly resolve: (name: string) => Promise<string[]>;
  private readonly ca: string | undefined;

  constructor({ allowed, resolve = addressesOf, ca }: OutboundOptions) {
    this.allowed = allowed;
    this.resolve = resolve;
    this.ca = ca;
  }

  /** What was answered, in one line. Throws OutboundError. */
  async post({ url, headers, body }: Outgoing): Promise<string> {
    const to = new URL(url);
    const address = await this.dialled(to);
    const answer = await this.sent(to, address, headers, body);
    const status = answer.statusCode ?? 0;
    const words = `${status}${answer.text === '' ? '' : `: ${toPrintable(answer.text.trim()).slice(0, MAX_ANSWER)}`}`;
    if (status >= 200 && status < 300) return words;
    if (status >= 300 && status < 400) throw new OutboundError(`It answers with a redirect, which is not followed (${status})`, true);
    const isPermanent = status >= 400 && status < 500 && status !== 408 && status !== 425 && status !== 429;
    throw new OutboundError(words, isPermanent, { retryAfterMs: retryAfterMs(answer.retryAfter) });
  }

  /** The address to dial. Throws OutboundError for one that may not be. */
  private async dialled({ protocol, hostname }: URL): Promise<string> {
    const host = hostname.replace(/^\[(.*)\]$/, '$1');
    const addresses = parseAddress(host) ? [host] : await this.named(host);
    const forbidden = addresses.find((address) => !isPublic(address) && !this.isAllowed(address));
    if (forbidden !== undefined)
      throw new OutboundError(`${forbidden} is not a public address; CTFLEET_OUTBOUND_ALLOW does not have it (docs/receivers.md)`, true);
    const [address] = addresses;
    if (address === undefined) throw new OutboundError(`The name ${host} has no address`, false);
    if (protocol !== 'https:' && !(protocol === 'http:' && this.isAllowed(address)))
      throw new OutboundError('Only https is used; http only where CTFLEET_OUTBOUND_ALLOW has the address (docs/receivers.md)', true);
    return address;
  }

  private async named(host: string): Promise<string[]> {
    const tooLate = new Promise<never>((_, reject) => {
      setTimeout(() => reject(new Error('it took too long')), NAME_MS).unref();
    });
    return Promise.race([this.resolve(host), tooLate]).catch((cause: unknown) => {
      throw new OutboundError(`The name ${host} cannot be resolved: ${(cause as Error).message}`, false, { cause });
    });
  }

  private isAllowed(address: string): boolean {
    const bytes = parseAddress(address);
    return bytes !== undefined && this.allowed.some((prefix) => prefixContains(prefix, bytes));
  }

  private async sent(
    to: URL,
    address: string,
    headers: Outgoing['headers'],
    body: string,
  ): Promise<{ statusCode?: number; text: string; retryAfter?: string }> {
    const family = address.includes(':') ? 6 : 4;
    const exactly: LookupFunction = (_, options, done) => (options.all ? done(null, [{ address, family }]) : done(null, address, family));
    const options: RequestOptions = {
      method: 'POST',
      headers: { 'user-agent': 'ctfleet', ...headers, 'content-length': String(Buffer.byteLength(body)) },
      lookup: exactly,
      agent: false,
      signal: AbortSignal.timeout(ANSWER_MS),
    };
    try {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        const sending =
          to.protocol === 'https:' ? httpsRequest(to, { ...options, minVersion: 'TLSv1.2', ...this.trust() }) : httpRequest(to, options);
        sending.once('response', resolve).once('error', reject).end(body);
      });
      return { statusCode: response.statusCode, text: await beginningOf(response), retryAfter: response.headers['retry-after'] };
    } catch (cause) {
      throw new OutboundError(reasonOf(cause as NodeJS.ErrnoException), false, { cause });
    }
  }

  private trust(): { ca?: string } {
    return this.ca === undefined ? {} : { ca: this.ca };
  }
}

/**
 * Whether packets to an address leave for the internet: global unicast (IANA's special-purpose registries, RFC 6890), and no translation of
 * an IPv4 address, which is judged as that one where it is known.
 */
export function isPublic(text: string): boolean {
  const bytes = parseAddress(text);
  if (!bytes) return false;
  if (bytes.length === 4) return !SPECIAL_4.some(([network, bits]) => within(bytes, network, bits));
  if (within(bytes, [0x00, 0x64, 0xff, 0x9b], 96)) return isPublic(formatAddress(bytes.subarray(12)));
  // 2000::/3 is all that was ever given out.
  return within(bytes, [0x20], 3) && !SPECIAL_6.some(([network, bits]) => within(bytes, network, bits));
}

const SPECIAL_4: readonly (readonly [number[], number])[] = [
  [[0], 8],
  [[10], 8],
  [[100, 64], 10],
  [[127], 8],
  [[169, 254], 16],
  [[172, 16], 12],
  [[192, 0, 0], 24],
  [[192, 0, 2], 24],
  [[192, 88, 99], 24],
  [[192, 168], 16],
  [[198, 18], 15],
  [[198, 51, 100], 24],
  [[203, 0, 113], 24],
  // Multicast, reserved and broadcast.
  [[224], 3],
];
/** Protocol assignments with Teredo, documentation, 6to4, benchmarks. */
const SPECIAL_6: readonly (readonly [number[], number])[] = [
  [[0x20, 0x01, 0x00, 0x00], 23],
  [[0x20, 0x01, 0x0d, 0xb8], 32],
  [[0x20, 0x02], 16],
  [[0x3f, 0xff, 0x00], 20],
];

function within(address: Uint8Array, network: readonly number[], bits: number): boolean {
  for (let at = 0; at * 8 < bits; at++) {
    const mask = bits - at * 8 >= 8 ? 0xff : (0xff << (8 - (bits - at * 8))) & 0xff;
    if ((address[at]! & mask) !== ((network[at] ?? 0) & mask)) return false;
  }
  return true;
}

async function addressesOf(name: string): Promise<string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address);
}

/** So much of an answer that people see what it says. What comes after that is not waited for. */
async function beginningOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= MAX_BYTES) break;
  }
  response.destroy();
  return Buffer.concat(chunks).subarray(0, MAX_BYTES).toString('utf8');
}

/** Seconds (RFC 9110, 10.2.3); a date counts for nothing, as clocks differ. */
function retryAfterMs(text: string | undefined): number {
  const seconds = /^\d{1,9}$/.test(text ?? '') ? Number(text) : 0;
  return Math.min(seconds, MAX_RETRY_AFTER_SECONDS) * 1000;
}

/** What each failure of Node means. */
const FAULTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Nobody listens there',
  ECONNRESET: 'It closed the connection',
  EHOSTUNREACH: 'It cannot be reached',
  ENETUNREACH: 'It cannot be reached',
  EPROTO: 'It does not speak TLS as we do',
  ABORT_ERR: 'It did not answer in time',
  CERT_HAS_EXPIRED: 'Its certificate has ended',
  CERT_NOT_YET_VALID: 'Its certificate is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'Its certificate is signed by itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'Nobody that is trusted has signed its certificate',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'Nobody that is trusted has signed its certificate',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'Nobody that is trusted has signed its certificate',
  ERR_TLS_CERT_ALTNAME_INVALID: 'Its certificate is for another name',
};

function reasonOf({ code = '', name, message }: NodeJS.ErrnoException): string {
  if (name === 'AbortError' || name === 'TimeoutError') return FAULTS.ABORT_ERR!;
  const fault = FAULTS[code] ?? 'It could not be told';
  return `${fault}: ${toPrintable(message).slice(0, MAX_ANSWER)}`;
}
