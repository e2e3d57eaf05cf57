import fc from 'fast-check';
import type { Flow } from '../../proto/model/flow.ts';
import { STALE_REASONS } from '../../proto/model/stale.ts';
import { IPS } from '../../proto/model/status.ts';
import { arbitraryEntry } from './arbitrary-entry.ts';

/** Any flow that a table could hold, with every field known. */
export const arbitraryFlow: fc.Arbitrary<Flow> = fc
  .tuple(
    arbitraryEntry,
    fc.record({
      wan: fc.option(fc.constantFrom('wan1', 'WAN2', 'lte'), { nil: undefined }),
      helper: fc.option(fc.constantFrom('sip', 'ftp'), { nil: undefined }),
      labels: fc.subarray(['voip', 'bulk', '1']),
      stale: fc.constantFrom('no' as const, ...STALE_REASONS),
      ageSeconds: fc.nat(100_000),
      idleSeconds: fc.nat(500),
      timeoutSeconds: fc.nat(432_000),
      rateBitsPerSecond: fc.nat(1_000_000),
      bytes: fc.bigInt({ min: 0n, max: 10_000n }),
    }),
  )
  .map(([{ family, proto, orig, reply, id, zone, status, mark, state }, { bytes, ageSeconds, ...facts }]) => ({
    family,
    proto,
    orig,
    reply,
    id: id || 1,
    zone,
    mark,
    state,
    status: (status | IPS.CONFIRMED) & ~IPS.DYING,
    ...facts,
    startedAtMs: 1_900_000_000_000 - ageSeconds * 1000,
    origCounters: { packets: bytes / 100n, bytes },
    replyCounters: { packets: 0n, bytes: 0n },
  }));
