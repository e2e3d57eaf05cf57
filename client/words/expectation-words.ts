import type { ExpectationView } from '../../proto/http/expectations.ts';
import { count, counted } from './format.ts';

type Side = ExpectationView['src'];

/** `198.51.100.1:4000`, `[fd00::1]:4000`, `10.0.0.0/8`, `10.0.0.5 call 77`. */
export function sideWords({ address, prefix, port }: Side, proto: string): string {
  const host = prefix === undefined ? address : `${address}/${prefix}`;
  if (port === undefined) return host;
  if (proto === 'gre') return `${host} call ${port}`;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** `tcp 198.51.100.1 to 10.0.0.5:4000`. */
export function expectedWords({ proto, src, dst }: Pick<ExpectationView, 'proto' | 'src' | 'dst'>): string {
  return `${proto} ${sideWords(src, proto)} to ${sideWords(dst, proto)}`;
}

/** What came of deleting some: `2 deleted; 1 had ended before`. */
export function deletedExpectationsWords({ deleted, gone, failed }: { deleted: number; gone: number; failed: number }): string {
  return [
    `${counted(deleted, 'expectation')} deleted, and gone when read again`,
    ...(gone > 0 ? [`${count(gone)} had ended before`] : []),
    ...(failed > 0 ? [`${count(failed)} still there`] : []),
  ].join('; ');
}
