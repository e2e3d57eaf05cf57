import { seededRandom } from '../../agent/conntrack/memory/synthetic-flows.ts';
import type { NewEntry } from '../../agent/conntrack/wire/requests.ts';
import { IPS } from '../../proto/model/status.ts';
import { entryOf } from '../support/sample-entries.ts';

const ASSURED = IPS.SEEN_REPLY | IPS.ASSURED;
const WANS = ['198.18.0.12', '198.18.0.13', '198.19.0.12'];

/** The client that about 2 % of the entries belong to. */
export const BUSY_HOST = '10.7.0.42';
/** About 45 % of the entries have a source in it. */
export const BUSY_PREFIX = '10.7.128.0/17';

/** The mark that a seventh of the entries have, as a filter writes it. */
export const MARK = '0x300/0xff00';

export function isBusyPrefix({ orig: { src } }: NewEntry): boolean {
  return src.startsWith('10.7.') && Number(src.split('.')[2]) >= 128;
}

/** A gateway's table: 70 % TCP, 27 % UDP, 3 % ICMP, a tenth IPv6, three external addresses, marks; every tuple once, the same each time. */
export function* gatewayEntries(count: number): Generator<NewEntry, void, void> {
  const random = seededRandom(42);
  for (let index = 0; index < count; index++) {
    const kind = random();
    const isV6 = random() < 0.1;
    const proto = kind < 0.7 ? 6 : kind < 0.97 ? 17 : isV6 ? 58 : 1;
    const pick = random();
    const low = index & 0xff;
    const client = pick < 0.02 ? BUSY_HOST : pick < 0.5 ? `10.7.${128 + ((index >> 8) & 127)}.${low}` : `10.7.${(index >> 8) & 127}.${low}`;
    const src = isV6 ? `fd00:7::${(index & 0xffff).toString(16)}` : client;
    const dst = isV6
      ? `2001:db8:113::${((index >> 4) & 0xffff).toString(16)}`
      : `198.${51 + (index >> 18)}.${100 + ((index >> 12) & 63)}.${1 + ((index >> 4) & 0xfd)}`;
    // Ports and ids follow the index, so that no two tuples are the same.
    const sport = 1024 + (index % 64_000);
    const dport = proto === 6 ? [443, 80, 22, 8443][index & 3]! : [53, 443, 5060, 123][index & 3]!;
    const orig =
      proto === 1 || proto === 58
        ? { src, dst, icmp: { type: proto === 1 ? 8 : 128, code: 0, id: index & 0xffff } }
        : { src, dst, sport, dport };
    yield entryOf({
      proto,
      orig,
      status: ASSURED | (isV6 ? 0 : IPS.SRC_NAT),
      mark: index % 7 === 0 ? 0x300 : 0,
      timeoutSeconds: 3000,
      ...(isV6 ? {} : { reply: { dst: WANS[index % 3]! } }),
      ...(proto === 6 && { state: ['ESTABLISHED', 'ESTABLISHED', 'TIME_WAIT', 'CLOSE_WAIT'][(index >> 3) & 3]! }),
    });
  }
}
