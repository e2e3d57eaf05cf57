import fc from 'fast-check';
import type { Expectation } from '../../agent/conntrack/table.ts';
import { arbitraryTuple } from './arbitrary-entry.ts';

/** Any expectation that a kernel could report. */
export const arbitraryExpectation: fc.Arbitrary<Expectation> = fc
  .tuple(fc.constantFrom(4 as const, 6 as const), fc.constantFrom(6, 17, 47), fc.constantFrom(6, 17))
  .chain(([family, proto, masterProto]) => {
    const tuple = arbitraryTuple(family, proto);
    const u32 = fc.nat(0xffffffff);
    return fc
      .record(
        {
          family: fc.constant(family),
          proto: fc.constant(proto),
          orig: tuple,
          mask: tuple,
          zone: fc.nat(9),
          id: u32,
          flags: fc.nat(7),
          class: fc.nat(3),
          master: arbitraryTuple(family, masterProto).map((orig) => ({ family, proto: masterProto, orig, zone: 0 })),
          nat: fc.record({ direction: fc.constantFrom('orig' as const, 'reply' as const), proto: fc.constant(proto), tuple }),
          fn: fc.constantFrom('nat-follow-master', 'sip'),
          helper: fc.constantFrom('sip', 'pptp'),
          timeoutSeconds: fc.nat(3600),
        },
        { requiredKeys: ['family', 'proto', 'orig', 'mask', 'zone', 'id', 'flags', 'class', 'master'] },
      )
      .map((one) => ({ ...one, master: { ...one.master, zone: one.zone } }));
  });
