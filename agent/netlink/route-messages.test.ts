import { expect, test } from 'vitest';
import { AttributeWriter, DecodeError, hostU32, setHostU16, setHostU32 } from './attributes.ts';
import {
  decodeAddress,
  decodeDefaultHops,
  decodeLink,
  decodeRoute,
  decodeRule,
  decodeWaysOut,
  encodeRouteQuery,
} from './route-messages.ts';

/** A body: a header of the given length, filled by `edit`, and attributes. */
function body(length: number, edit: (header: Uint8Array) => void, write: (out: AttributeWriter) => void): Uint8Array {
  const out = new AttributeWriter();
  const header = new Uint8Array(length);
  edit(header);
  out.raw(header);
  write(out);
  return out.finish().slice();
}

function nextHop(link: number, flags = 0, gateway?: Uint8Array): Uint8Array {
  const out = new AttributeWriter();
  const hop = new Uint8Array(8);
  out.raw(hop);
  if (gateway) out.bytes(5, gateway);
  const bytes = out.finish().slice();
  setHostU16(bytes, 0, bytes.length);
  bytes[2] = flags;
  setHostU32(bytes, 4, link);
  return bytes;
}

const unicast = (header: Uint8Array): void => {
  header[7] = 1;
};

test('a query describes its packet, and asks for the whole route', () => {
  const query = encodeRouteQuery({
    destination: Uint8Array.of(198, 51, 100, 10),
    source: Uint8Array.of(10, 1, 0, 5),
    from: 7,
    mark: 0x100,
    transport: { proto: 6, sport: 4000, dport: 443 },
  });
  expect([query[0], query[1], query[2], hostU32(query, 8)]).toEqual([2, 32, 32, 0x2000]);
  const route = decodeRoute(query);
  expect(route).toEqual({
    isDefault: false,
    table: 0,
    destination: { bytes: Uint8Array.of(198, 51, 100, 10), bits: 32 },
    source: { bytes: Uint8Array.of(10, 1, 0, 5), bits: 32 },
  });
});

test('a route leads out by its interface, or by those of its live next hops', () => {
  expect(decodeWaysOut(body(12, unicast, (out) => out.hostU32(4, 3)))).toEqual([3]);
  expect(decodeWaysOut(body(12, unicast, (out) => out.bytes(9, Buffer.concat([nextHop(3), nextHop(4, 1), nextHop(5)]))))).toEqual([3, 5]);
});

test('a default route of the main table has all its live next hops, each with its address', () => {
  const main =
    (type = 1, flags = 0) =>
    (header: Uint8Array): void => {
      [header[0], header[4], header[7]] = [2, 254, type];
      setHostU32(header, 8, flags);
    };
  const via = Uint8Array.of(198, 18, 0, 1);
  const single = (out: AttributeWriter): void => {
    out.hostU32(4, 3);
    out.bytes(5, via);
    out.hostU32(6, 10);
  };
  expect(decodeDefaultHops(body(12, main(), single))).toEqual([{ family: 4, metric: 10, link: 3, nextHop: via }]);
  const several = Buffer.concat([nextHop(3, 0, via), nextHop(4, 1, via), nextHop(5)]);
  expect(decodeDefaultHops(body(12, main(), (out) => out.bytes(9, several)))).toEqual([
    { family: 4, metric: 0, link: 3, nextHop: via },
    { family: 4, metric: 0, link: 5, nextHop: undefined },
  ]);
  const others: ((header: Uint8Array) => void)[] = [
    main(7),
    main(1, 1),
    (header) => {
      main()(header);
      header[1] = 24;
    },
    (header) => {
      main()(header);
      header[4] = 101;
    },
  ];
  for (const edit of others) expect(decodeDefaultHops(body(12, edit, single))).toEqual([]);
});

test('a broadcast leads to its link', () =>
  expect(
    decodeWaysOut(
      body(
        12,
        (header) => {
          header[7] = 3;
        },
        (out) => out.hostU32(4, 3),
      ),
    ),
  ).toEqual([3]));

test('an unreachable route leads nowhere', () => {
  expect(
    decodeWaysOut(
      body(
        12,
        (header) => {
          header[7] = 7;
        },
        (out) => out.hostU32(4, 1),
      ),
    ),
  ).toEqual([]);
});

test('a rule is decoded with everything it matches on', () => {
  const range = new Uint8Array(4);
  setHostU16(range, 0, 5060);
  setHostU16(range, 2, 5061);
  const rule = body(
    12,
    (header) => {
      header[2] = 16;
    },
    (out) => {
      out.bytes(2, Uint8Array.of(10, 1, 0, 0));
      out.hostU32(10, 0x100);
      out.bytes(24, range);
    },
  );
  expect(decodeRule(rule)).toEqual({
    source: { bytes: Uint8Array.of(10, 1, 0, 0), bits: 16 },
    markBits: 0xffffffff,
    hasTransport: true,
    ports: [[5060, 5061]],
  });
});

test('a rule reads the bits of the mark that its mask covers', () => {
  expect(
    decodeRule(
      body(
        12,
        () => undefined,
        (out) => {
          out.hostU32(10, 0x100);
          out.hostU32(16, 0xff00);
        },
      ),
    ),
  ).toMatchObject({ markBits: 0xff00 });
  expect(
    decodeRule(
      body(
        12,
        () => undefined,
        (out) => out.hostU32(16, 0x80000000),
      ),
    ),
  ).toMatchObject({ markBits: 0x80000000 });
});

test('for a point-to-point link the local address is taken', () => {
  const [own, peer] = [Uint8Array.of(198, 18, 0, 12), Uint8Array.of(198, 18, 0, 1)];
  expect(
    decodeAddress(
      body(
        8,
        () => undefined,
        (out) => {
          out.bytes(1, peer);
          out.bytes(2, own);
        },
      ),
    )?.bytes,
  ).toEqual(own);
  expect(
    decodeAddress(
      body(
        8,
        () => undefined,
        (out) => out.bytes(1, peer),
      ),
    )?.bytes,
  ).toEqual(peer);
});

test('an address has its interface, its prefix length, and whether keepalived set it', () => {
  const bytes = Uint8Array.of(198, 18, 0, 100);
  const header =
    (bits: number) =>
    (to: Uint8Array): void => {
      to[1] = bits;
      to[2] = 0x80;
      setHostU32(to, 4, 7);
    };
  expect(
    decodeAddress(
      body(8, header(32), (out) => {
        out.bytes(2, bytes);
        out.u8(11, 18);
      }),
    ),
  ).toEqual({ link: 7, bytes, bits: 32, isPermanent: true, isKeepalived: true });
  expect(
    decodeAddress(
      body(8, header(24), (out) => {
        out.bytes(2, bytes);
        out.u8(11, 0);
      }),
    ),
  ).toEqual({ link: 7, bytes, bits: 24, isPermanent: true, isKeepalived: false });
});

test('a link has an index and a name', () => {
  expect(
    decodeLink(
      body(
        16,
        (header) => setHostU32(header, 4, 9),
        (out) => out.text(3, 'wan1'),
      ),
    ),
  ).toEqual({ index: 9, name: 'wan1' });
});

test('a VRF has the table of its routes, and a route the table it is in', () => {
  const vrf = (kind: string) =>
    body(
      16,
      () => undefined,
      (out) =>
        out.nested(18, (info) => {
          info.text(1, kind);
          info.nested(2, (data) => data.hostU32(1, 1042));
        }),
    );
  expect([decodeLink(vrf('vrf')).vrfTable, decodeLink(vrf('bridge')).vrfTable]).toEqual([1042, undefined]);
  expect(
    decodeRoute(
      body(
        12,
        (header) => {
          header[4] = 252;
        },
        (out) => out.hostU32(15, 1042),
      ),
    ).table,
  ).toBe(1042);
});

test('bytes that are not a message are refused with DecodeError', () => {
  for (const decode of [decodeWaysOut, decodeRoute, decodeRule, decodeLink, decodeAddress])
    expect(() => decode(new Uint8Array(3))).toThrow(DecodeError);
  expect(() => decodeWaysOut(body(12, unicast, (out) => out.bytes(9, Uint8Array.of(99, 0, 0, 0, 0, 0, 0, 0))))).toThrow(DecodeError);
});
