// How long it takes to say what a policy does to 100,000 flows: `npm run bench -- policy-effects`.
import { effectsOfRows } from '../../agent/conntrack/effects/effects-of-rows.ts';
import { Block } from '../../agent/conntrack/rows/block.ts';
import { Columns } from '../../agent/conntrack/rows/columns.ts';
import { RowReader } from '../../agent/conntrack/rows/read-entry.ts';
import { WanNames } from '../../agent/conntrack/rows/wan-names.ts';
import { regimeOf } from '../../agent/policies/effects/regime.ts';
import type { PolicyMatch, PolicyRule } from '../../proto/model/policy/document.ts';
import { encodeEntry } from '../support/encode-entry.ts';
import { entryOf } from '../support/sample-entries.ts';

const FLOWS = 100_000;
const ROUNDS = 5;
const OWN = Array.from({ length: 20 }, (_, host) => `192.0.2.${host}`);
const SURROUNDINGS = { nowMs: 1_900_000_000_000, sources: [], isSynced: false, labels: new Map<number, string>(), wans: new WanNames([]) };
const SETTINGS = { nf_conntrack_tcp_timeout_established: 432_000, nf_conntrack_udp_timeout: 30 };

const to = (port: number, proto = 'tcp'): PolicyMatch => ({ proto, dport: [{ from: port, to: port }] });
/** As many as a policy may have. `n`: which ones. */
const many = (n: number): PolicyRule[] =>
  Array.from({ length: 200 }, (_, index): PolicyRule => ({
    name: `rule ${index}`,
    match: {
      ...to(index * 3 + n, index % 2 ? 'tcp' : 'udp'),
      src: Array.from({ length: 8 }, (__, host) => `10.${index}.${host * n}.0/24`),
    },
    mode: (['normal', 'deny', 'strict', 'off'] as const)[index % 4],
  }));
const CASES: Record<string, [before: PolicyRule[], after: PolicyRule[]]> = {
  'one rule that denies': [
    [],
    [
      { name: 'web', match: to(443), mode: 'normal' },
      { name: 'rest', match: { proto: 'tcp' }, mode: 'deny', answer: 'drop' },
    ],
  ],
  'every kind of effect': [
    [{ name: 'x', match: { proto: 'tcp' }, helper: 'ftp', mode: 'normal' }],
    [
      { name: 'web', match: to(443), mode: 'deny', answer: 'drop' },
      { name: 'each', match: {}, limits: { perSource: 5, perDestination: 100, answer: 'drop' } },
      { name: 'log', match: to(514, 'udp'), mode: 'off' },
    ],
  ],
  'two hundred other rules': [many(1), many(2)],
};

const columns = flows();
for (const [name, [before, after]] of Object.entries(CASES)) {
  const ask = {
    before: regimeOf({ rules: before, helpers: [], settings: SETTINGS, table: undefined }),
    after: regimeOf({ rules: after, helpers: [], settings: { ...SETTINGS, nf_conntrack_tcp_timeout_established: 600 }, table: undefined }),
    own: OWN,
    spared: [{ ...to(22), dst: OWN.map((address) => `${address}/32`) }],
    maxFlows: 100,
  };
  const times = Array.from({ length: ROUNDS }, () => {
    const at = performance.now();
    effectsOfRows(columns, SURROUNDINGS, ask, () => undefined);
    return performance.now() - at;
  });
  console.log(`${name}: ${times.map((ms) => ms.toFixed(0)).join(', ')} ms`);
}

/** A third over IPv6, half TCP, to a thousand ports from thousands of sources. */
function flows(): Columns {
  const made = new Columns(FLOWS);
  const reader = new RowReader(made);
  for (let id = 0; id < FLOWS; id++) {
    const ends =
      id % 3 === 0
        ? { src: `fd00::${(id % 5000).toString(16)}`, dst: '2001:db8::7' }
        : { src: `10.${id % 200}.${id % 9}.${id % 250}`, dst: '203.0.113.7' };
    const entry = entryOf({
      proto: id % 2 ? 6 : 17,
      orig: { ...ends, sport: id % 60_000, dport: id % 1000 },
      ...(id % 2 && { state: 'ESTABLISHED' }),
    });
    const helper = id % 100 === 0 ? 'ftp' : undefined;
    const body = encodeEntry({ ...entry, id, labels: undefined, helper } as Parameters<typeof encodeEntry>[0]);
    reader.append(new Block(body), 0, body.length);
  }
  return made;
}
