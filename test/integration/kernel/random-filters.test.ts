import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KernelTable } from '../../../agent/conntrack/kernel/kernel-table.ts';
import { formatAddress } from '../../../proto/model/address.ts';
import type { FlowFilter } from '../../../proto/model/filter/filter.ts';
import { IPS } from '../../../proto/model/status.ts';
import { CONTEXT } from '../../contract/conntrack-table.ts';
import { arbitraryFilter } from '../../support/arbitrary-entry.ts';
import { createEntries } from '../../support/create-entries.ts';
import { MORE_ENTRIES, sendTraffic, TRANSLATING_RULES } from '../../support/every-protocol.ts';
import { Namespace } from '../../support/namespace.ts';
import { entryOf, SAMPLE_ENTRIES } from '../../support/sample-entries.ts';
import { filterOfTable } from '../../support/table-filter.ts';
import { IS_WHOLE } from '../../support/whole.ts';
import { truthOfXml, type XmlFacts } from '../../support/xml-filter.ts';
import { XmlListing } from '../../support/xml-listing.ts';

const FILTERS = IS_WHOLE ? 1000 : 600;
/** Filters answered between two listings, which must be close together. */
const AT_ONCE = 50;
const WANS = Object.fromEntries(CONTEXT.wans.map(({ name, addresses }) => [name, addresses.map(formatAddress)]));
const why = Namespace.why();

describe.skipIf(why !== undefined)(`random filters on a table with every protocol${why ? ` (skipped: ${why})` : ''}`, () => {
  let namespace: Namespace;
  let leave: () => void;
  let table: KernelTable;
  let listing: XmlListing;
  const open: { close(): unknown }[] = [];

  beforeAll(async () => {
    namespace = Namespace.create('ctg');
    listing = new XmlListing(namespace);
    namespace.nft(TRANSLATING_RULES);
    // Long enough that no entry ends while the test runs, and all different, so that idle times are too.
    for (const name of Object.keys(sysctls())) namespace.sysctl(`net.netfilter.nf_conntrack_${name}`, 700 + (name.length % 7) * 50);
    leave = namespace.enter();
    createEntries(
      [
        ...SAMPLE_ENTRIES,
        ...MORE_ENTRIES,
        entryOf({ proto: 17, orig: { src: '10.1.0.50', dst: '198.51.100.20', sport: 9, dport: 9 }, status: IPS.FIXED_TIMEOUT }),
      ].map((entry) => ({ ...entry, timeoutSeconds: entry.timeoutSeconds! + 500 })),
    );
    await sendTraffic(open);
    table = new KernelTable();
  });
  afterAll(async () => {
    await table.close();
    for (const socket of open) socket.close();
    leave();
    namespace.remove();
    listing.remove();
  });

  const sysctls = (): Record<string, number> =>
    Object.fromEntries(
      namespace
        .run('sysctl', '-a', '-r', '^net\\.netfilter\\.nf_conntrack_.*_timeout')
        .trim()
        .split('\n')
        .map((line) => /nf_conntrack_(\w+) = (\d+)/.exec(line)!)
        .map(([, name, value]) => [name!, Number(value)]),
    );
  const idsWith = (word: string): Set<number> => new Set(listing.read(`-u ${word}`).map(({ id }) => id));

  test(`${FILTERS} of them find what an evaluation of the program's XML finds`, { timeout: 180_000 }, async () => {
    const known = {
      sysctls: sysctls(),
      wans: WANS,
      withStatus: { EXPECTED: idsWith('EXPECTED'), FIXED_TIMEOUT: idsWith('FIXED_TIMEOUT') },
    };
    expect([known.withStatus.EXPECTED.size, known.withStatus.FIXED_TIMEOUT.size]).toEqual([1, 1]);
    const first = listing.read();
    const filters = fc.sample(
      fc.oneof(
        { weight: 4, arbitrary: filterOfTable(first, Object.keys(WANS)) },
        { weight: 1, arbitrary: arbitraryFilter.filter(isAnsweredByXml) },
      ),
      FILTERS,
    );
    const fields = new Set(filters.flatMap(fieldsOf));
    expect(fields.size).toBe(35);
    let [splitting, unsettled] = [0, 0];
    for (let start = 0; start < FILTERS; start += AT_ONCE) {
      const readAtMs = Date.now();
      const flows = listing.read();
      const answers = [];
      for (const filter of filters.slice(start, start + AT_ONCE))
        answers.push({ filter, ...(await table.search({ filter, context: CONTEXT, limit: 1000 })) });
      for (const { filter, rows, total, snapshotAtMs } of answers) {
        const found = new Set(rows.map(({ id }) => id));
        expect(total).toBe(found.size);
        // A whole second may or may not have passed for a flow; where that matters, the listing cannot tell.
        const latest = Math.ceil((snapshotAtMs - readAtMs) / 1000) + 1;
        for (const flow of flows) {
          const at = (laterSeconds: number): boolean =>
            truthOfXml(filter, flow, { ...known, laterSeconds, nowMs: snapshotAtMs } satisfies XmlFacts) === true;
          const truths = new Set(Array.from({ length: latest + 1 }, (_, seconds) => at(seconds)));
          if (truths.size > 1) unsettled++;
          else
            expect(
              found.has(flow.id),
              `${JSON.stringify(filter)} on ${JSON.stringify(flow, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}`,
            ).toBe(truths.has(true));
        }
        if (found.size > 0 && found.size < flows.length) splitting++;
      }
    }
    expect(splitting).toBeGreaterThan(FILTERS / 3);
    expect(unsettled).toBeLessThan((FILTERS * first.length) / 50);
  });
});

/** A listing is one look, and a rate needs two; it has no routes, which decide what is stale, and in XML it has no ICMP fields. */
function isAnsweredByXml(filter: FlowFilter): boolean {
  return !fieldsOf(filter).some((field) => field === 'rate' || field === 'stale' || field === 'next-wan' || field.startsWith('icmp-'));
}

function fieldsOf(filter: FlowFilter): string[] {
  switch (filter.kind) {
    case 'everything':
      return [];
    case 'term':
      return [filter.field];
    case 'not':
      return fieldsOf(filter.operand);
    default:
      return filter.operands.flatMap(fieldsOf);
  }
}
