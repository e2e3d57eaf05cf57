import { exchange, withTable } from '../../agent/conntrack/ctnetlink/exchange.ts';
import type { NewExpectation } from '../../agent/conntrack/table.ts';
import { EXP_NEW } from '../../agent/conntrack/wire/constants.ts';
import { encodeExpectation } from '../../agent/conntrack/wire/expectation.ts';
import type { NewEntry } from '../../agent/conntrack/wire/requests.ts';
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST } from '../../agent/netlink/constants.ts';
import { entryOf } from './sample-entries.ts';

/** Flows whose helpers expect something: SIP, FTP in a zone, FTP over IPv6. */
export const MASTERS: NewEntry[] = [
  entryOf({ proto: 17, orig: { src: '10.1.0.70', dst: '198.51.100.71', sport: 5060, dport: 5060 }, helper: 'sip' }),
  entryOf({
    proto: 6,
    orig: { src: '10.1.0.71', dst: '198.51.100.71', sport: 9000, dport: 21 },
    state: 'ESTABLISHED',
    helper: 'ftp',
    zone: 7,
  }),
  entryOf({
    proto: 6,
    orig: { src: 'fd00:1:1::71', dst: '2001:db8:113::71', sport: 9001, dport: 21 },
    state: 'ESTABLISHED',
    helper: 'ftp',
  }),
];
const [sip, ftp, ftp6] = MASTERS as [NewEntry, NewEntry, NewEntry];

/** Two audio streams of one call, and the data connections of two FTP sessions, one of which will be translated. */
export const SAMPLE_EXPECTATIONS: NewExpectation[] = [
  expectationOf(sip, { proto: 17, dport: 4000, class: 1 }),
  expectationOf(sip, { proto: 17, dport: 4002, class: 1 }),
  expectationOf(ftp, {
    proto: 6,
    dport: 2580,
    nat: { direction: 'reply', proto: 6, tuple: { src: '10.9.9.9', dst: '0.0.0.0', sport: 4711, dport: 0 } },
    fn: 'nat-follow-master',
  }),
  expectationOf(ftp6, { proto: 6, dport: 2580 }),
];

/** From the far side's address and any port to the near side's, at a port that the helper learnt. */
function expectationOf(
  master: NewEntry,
  { proto, dport, ...rest }: { proto: number; dport: number } & Partial<NewExpectation>,
): NewExpectation {
  const { family, orig, zone, helper } = master;
  const all = family === 4 ? '255.255.255.255' : 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff';
  return {
    family,
    proto,
    zone,
    helper,
    flags: 0,
    class: 0,
    timeoutSeconds: 170,
    orig: { src: orig.dst, dst: orig.src, sport: 0, dport },
    mask: { src: all, dst: all, sport: 0, dport: 65_535 },
    master: { family, proto: master.proto, orig, zone },
    ...rest,
  };
}

/**
 * Makes the kernel of the calling thread's namespace expect these; their masters must be there, with a helper. Throws at the first that it
 * refuses.
 */
export function createExpectations(expectations: readonly NewExpectation[]): void {
  withTable((socket) =>
    expectations.forEach((expectation, index) => {
      const {
        replies: [reply],
      } = exchange(socket, EXP_NEW, [encodeExpectation(expectation)], 'each', NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL);
      if (reply?.errno !== 0) throw new Error(`cannot make expectation ${index}: errno ${reply?.errno}`);
    }),
  );
}
