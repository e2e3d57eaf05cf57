import { expect, test } from 'vitest';
import { IPS } from '../../../proto/model/status.ts';
import { DEFAULT_TIMEOUTS, fullTimeouts, parseTimeouts } from './timeouts.ts';

const facts = { proto: 6, state: 'ESTABLISHED', status: IPS.SEEN_REPLY | IPS.ASSURED, tcpFlags: 0 };

test('timeouts are read from the names and contents of sysctl files, other files are skipped', () => {
  expect(
    parseTimeouts([
      ['nf_conntrack_tcp_timeout_syn_sent', '120\n'],
      ['nf_conntrack_udp_timeout', '30\n'],
      ['nf_conntrack_udp_timeout_stream', '120\n'],
      ['nf_conntrack_frag6_timeout', '60\n'],
      ['nf_conntrack_max', '5\n'],
      ['nf_conntrack_gre_timeout', ''],
    ]),
  ).toEqual({ tcp_syn_sent: 120, udp: 30, udp_stream: 120 });
});

test.each([
  [facts, [432_000, 300]],
  [{ ...facts, state: 'TIME_WAIT' }, [120]],
  [{ ...facts, status: 0 }, [300, 300]],
  [{ ...facts, tcpFlags: 0x10 }, [300, 300]],
  [{ ...facts, state: 'CLOSE', tcpFlags: 0x10 }, [10]],
  [{ ...facts, state: 'SYN_SENT2' }, []],
  [{ ...facts, status: facts.status | IPS.FIXED_TIMEOUT }, []],
  [{ ...facts, status: facts.status | IPS.OFFLOAD }, []],
  [{ ...facts, proto: 17, state: undefined, status: IPS.SEEN_REPLY }, [30]],
  [{ ...facts, proto: 17, state: undefined }, [120]],
  [{ ...facts, proto: 17, state: undefined, status: IPS.SEEN_REPLY | IPS.UNTRACKED }, []],
  [{ ...facts, proto: 47, state: undefined, status: 0 }, [30]],
  [{ ...facts, proto: 47, state: undefined, status: IPS.SEEN_REPLY }, [180]],
  [{ ...facts, proto: 47, state: undefined, status: IPS.SEEN_REPLY | IPS.EXPECTED }, []],
  [{ ...facts, proto: 50, state: undefined }, [600]],
  [{ ...facts, proto: 132 }, [210]],
  [{ ...facts, proto: 136, state: undefined }, []],
])('%j may have a timeout of %j s', (entry, seconds) => {
  expect(fullTimeouts(entry, DEFAULT_TIMEOUTS)).toEqual(seconds);
});
