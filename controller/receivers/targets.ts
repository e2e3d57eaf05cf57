import { randomBytes } from 'node:crypto';
import { FleetError } from '../../proto/model/error-codes.ts';
import { KIND_TRAITS, type HttpKind, type Target } from '../../proto/model/alerts/receiver-kinds.ts';

const SECRET = /^whsec_[A-Za-z0-9+/]{32,120}={0,2}$/;
const TOKEN = /^[\x21-\x7e]{1,500}$/;
const SECRET_BYTES = 32;

/**
 * The target of a new receiver, or of one that is changed. `made`: a secret that was made for it, to be shown once. Throws INVALID_REQUEST
 * with the place of what is missing, not wanted or not of its form.
 */
export function targetOf(kind: HttpKind, { url, key }: Target): { target: Target; made?: string } {
  const needs = KIND_TRAITS[kind];
  const wrong = (path: string, message: string): FleetError =>
    new FleetError('INVALID_REQUEST', `The receiver is not complete: ${path} ${message}.`, { issues: [{ path, message }] });
  if (needs.url === 'needed' && url === undefined) throw wrong('url', `is needed: ${needs.urlWords}`);
  if (needs.key === 'needed' && key === undefined) throw wrong('key', `is needed: ${needs.keyWords}`);
  if (needs.key === 'none' && key !== undefined) throw wrong('key', `is not used by ${needs.name}`);
  if (url !== undefined) {
    const problem = problemOf(kind, url);
    if (problem !== undefined) throw wrong('url', problem);
  }
  if (key !== undefined && !TOKEN.test(key)) throw wrong('key', 'must be printable and without spaces');
  if (kind === 'webhook' && key !== undefined && !SECRET.test(key))
    throw wrong('key', 'must be whsec_ and 24 random bytes or more in base64');
  if (key !== undefined || needs.key !== 'made')
    return { target: { ...(url !== undefined && { url }), ...(key !== undefined && { key }) } };
  const made = `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;
  return { target: { ...(url !== undefined && { url }), key: made }, made };
}

/** What may be shown of a target: where it goes, without what is secret in its address. */
export function hintOf(kind: HttpKind, { url, key }: Target): string {
  if (url !== undefined) return `${new URL(url).origin}/…`;
  return `${KIND_TRAITS[kind].name} …${key?.slice(-4) ?? ''}`;
}

/** The bytes of a signing secret (`whsec_` and base64). */
export function secretBytes(secret: string): Buffer {
  return Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
}

function problemOf(kind: HttpKind, text: string): string | undefined {
  if (!URL.canParse(text)) return 'is not an address';
  const { protocol, username, password, hash, pathname, search } = new URL(text);
  if (protocol !== 'https:' && protocol !== 'http:') return 'must begin with https://';
  if (username !== '' || password !== '') return 'must not hold a user or password; use a token';
  if (hash !== '') return 'must not have a part behind #';
  if (kind === 'ntfy' && (search !== '' || !/\/[\w-]{1,64}$/.test(pathname))) return 'must end with the topic: letters, digits, _ and -';
  return undefined;
}
