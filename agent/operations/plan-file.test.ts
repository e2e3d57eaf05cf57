import fc from 'fast-check';
import { mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { RefusedPackets } from '../../proto/model/block/packets.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { toWireFlow } from '../../proto/wire/flow.ts';
import { formatFlow, formatHead, readPlan } from './plan-file.ts';
import { PlanStore } from './plan-store.ts';

const root = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-plan-file-'));
afterAll(() => rmSync(root, { recursive: true }));

const HEAD = { planId: '01900000-0000-7000-8000-000000000001', expiresAtMs: 1_000 };
const flowOf = (id: number): Flow => ({
  family: 4,
  proto: 17,
  zone: 0,
  id,
  mark: 0,
  labels: [],
  status: 14,
  timeoutSeconds: 120,
  orig: { src: '10.1.0.1', dst: '198.51.100.10', sport: id % 65_536, dport: 5060 },
  reply: { src: '198.51.100.10', dst: '10.1.0.1', sport: 5060, dport: id % 65_536 },
});
const fileOf = (count: number): Buffer =>
  Buffer.concat([formatHead(HEAD), ...Array.from({ length: count }, (_, n) => formatFlow(toWireFlow(flowOf(n + 1))))]);
const idsIn = (chunks: Iterable<Buffer>): number[] => [...readPlan(chunks).flows].map(({ id }) => id);

function* cut(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe('a plan’s file', () => {
  it('is read the same in chunks of any size', () => {
    fc.assert(
      fc.property(fc.nat({ max: 30 }), fc.integer({ min: 1, max: 4000 }), (count, size) => {
        const chunks = cut(fileOf(count), size);
        const plan = readPlan(chunks);
        expect([plan.planId, plan.expiresAtMs, [...plan.flows].map(({ id }) => id)]).toEqual([
          HEAD.planId,
          HEAD.expiresAtMs,
          Array.from({ length: count }, (_, n) => n + 1),
        ]);
      }),
    );
  });

  it('holds what a block refuses, which its digest covers', () => {
    const store = new PlanStore(path.join(root, 'blocks'));
    const refused = (seconds: number): RefusedPackets => ({
      anyOf: [[{ field: 'ip', isNot: false, prefixes: [{ family: 4, address: Uint8Array.of(10, 0, 0, 2), bits: 32 }], ranges: [] }]],
      seconds,
    });
    const frozen = (seconds: number | undefined): Buffer => {
      const writer = store.begin(HEAD.planId, HEAD.expiresAtMs, seconds === undefined ? undefined : refused(seconds));
      writer.add(flowOf(7));
      return writer.finish();
    };
    expect(new Set([frozen(undefined), frozen(60), frozen(90)].map((digest) => digest.toString('hex'))).size).toBe(3);
    const digest = frozen(60);
    const plan = store.load(HEAD.planId);
    expect([plan.count, plan.refused, plan.digest.equals(digest)]).toEqual([1, refused(60), true]);
  });

  it('that is truncated yields the flows before the cut and then throws, except between two flows', () => {
    const bytes = fileOf(5);
    const ends = new Set(Array.from({ length: 6 }, (_, count) => fileOf(count).length));
    for (let length = 0; length < bytes.length; length++) {
      if (ends.has(length)) expect(idsIn([bytes.subarray(0, length)]).length).toBeLessThan(5);
      else expect(() => idsIn([bytes.subarray(0, length)])).toThrow(Error);
    }
  });

  it('of any bytes throws or yields flows, and never waits for a flow of gigabytes', () => {
    const huge = Buffer.concat([formatHead(HEAD), Buffer.from([0xff, 0xff, 0xff, 0xff])]);
    expect(() => idsIn(cut(Buffer.concat([huge, Buffer.alloc(1 << 20)]), 1 << 16))).toThrow(/a flow of 4294967295 bytes is too long/);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, hasHead) => {
        try {
          idsIn([Buffer.concat([hasHead ? formatHead(HEAD) : Buffer.alloc(0), bytes])]);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
    );
  });
});

describe('a frozen plan', () => {
  const frozen = (count: number) => {
    const folder = mkdtempSync(path.join(root, 'agent-'));
    const plans = new PlanStore(folder);
    const writer = plans.begin(HEAD.planId, HEAD.expiresAtMs);
    for (let id = 1; id <= count; id++) writer.add(flowOf(id));
    const digest = writer.finish();
    return { plan: plans.load(HEAD.planId), digest, file: path.join(folder, 'plans', HEAD.planId) };
  };

  it('can be iterated in batches repeatedly, in the order in which it was frozen', () => {
    const { plan, digest } = frozen(2500);
    expect([plan.count, plan.stale, plan.digest]).toEqual([2500, 0, digest]);
    for (let time = 0; time < 2; time++) {
      const batches = [...plan.batches(1000)];
      expect(batches.map(({ length }) => length)).toEqual([1000, 1000, 500]);
      expect(batches.flat().map(({ id }) => id)).toEqual(Array.from({ length: 2500 }, (_, n) => n + 1));
    }
  });

  it('whose file has changed does not pass for a shorter one', () => {
    const { plan, file } = frozen(3);
    truncateSync(file, readFileSync(file).length - formatFlow(toWireFlow(flowOf(3))).length);
    expect(() => [...plan.batches(1000)]).toThrow(/held 3 flows and now holds 2/);
  });
});
