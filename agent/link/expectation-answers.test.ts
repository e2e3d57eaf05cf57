import { expect, test } from 'vitest';
import { AnswerPart } from '../../proto/gen/ctfleet/v1/link.ts';
import { fromWireExpectation, toWireExpectation } from '../../proto/wire/expectation.ts';
import type { Expectation } from '../conntrack/table.ts';
import { endListed, listExpectations } from './expectation-answers.ts';
import { OPEN_GUARD } from '../../test/support/open-guard.ts';

const ADDRESS = 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0';
const WIDE = 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff';
const PORTS = { sport: 65_535, dport: 65_535 };
/** As large as one can be. */
const largest = (id: number): Expectation => ({
  id: 0xffff_f000 + id,
  family: 6,
  proto: 132,
  orig: { src: ADDRESS, dst: ADDRESS, ...PORTS, zone: 65_535 },
  mask: { src: WIDE, dst: WIDE, ...PORTS },
  zone: 65_535,
  master: { family: 6, proto: 132, orig: { src: ADDRESS, dst: ADDRESS, ...PORTS, zone: 65_535 }, zone: 65_535 },
  helper: 'x'.repeat(15),
  timeoutSeconds: 0xffff_ffff,
  flags: 1,
  class: 3,
});
const tableOf = (count: number) => ({ expectations: async () => Array.from({ length: count }, (_, id) => largest(id)) });

test('a list of any length is one message with room to spare, and says how many it leaves out', async () => {
  const expectations = await listExpectations({ table: tableOf(5000) }, { limit: 0xffff_ffff });
  expect([expectations.expectations.length, expectations.left]).toEqual([500, 4500]);
  const head = { snapshotAtMs: 1n, total: 0n, tableCount: 0n, facets: [], explain: [], spared: [], expectations };
  const bytes = AnswerPart.encode({ queryId: 'q'.repeat(64), part: { $case: 'head', value: head } }).finish().length;
  expect(bytes).toBeLessThan(200 * 1024);
});

test('no more are told than were asked for', async () => {
  const { expectations, left } = await listExpectations({ table: tableOf(4) }, { limit: 3 });
  expect([expectations.length, left, expectations[0]!.isPermanent]).toEqual([3, 1, true]);
  expect(fromWireExpectation(expectations[0]!).orig.dport).toBe(65_535);
});

test('what is no list of expectations is refused before anything is read', () => {
  const never = () => expect.unreachable();
  const unread = { table: { expectations: never, deleteExpectations: never, lookup: never } };
  const guard = OPEN_GUARD;
  const deps = { ...unread, guard, context: () => ({ wans: [], protections: [] }) };
  const wire = toWireExpectation({ ...largest(1), isPermanent: false });
  const signal = new AbortController().signal;
  const refused = (why: RegExp) => expect.objectContaining({ code: 'INVALID_REQUEST', message: expect.stringMatching(why) });
  expect(() => endListed(deps, { expectations: Array.from({ length: 501 }, () => wire) }, signal)).toThrow(refused(/501 .* more than 500/));
  expect(() => endListed(deps, { expectations: [wire, { ...wire, tuple: undefined }] }, signal)).toThrow(refused(/^Expectation 1 is none/));
});
