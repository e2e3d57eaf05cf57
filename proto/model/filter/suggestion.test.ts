import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryFlow } from '../../../test/support/arbitrary-flow.ts';
import type { Flow, Tuple } from '../flow.ts';
import { portNumber } from '../ports.ts';
import { hasIcmp, hasKeys, protocolName, protocolNumber } from '../protocol.ts';
import { IPS } from '../status.ts';
import { evaluateFilter } from './evaluate.ts';
import { allOf, anyOf, negated, type FlowFilter } from './filter.ts';
import { FIELDS } from './fields.ts';
import { formatFilter } from './format.ts';
import { parseFilter } from './parse.ts';
import { filterOf, meantBy } from '../../../test/support/filter-of.ts';

const NOW_MS = 1_900_000_000_000;

const FLOWS = fc.sample(arbitraryFlow, { numRuns: 200, seed: 5 });
const matched = (filter: FlowFilter): Flow[] => FLOWS.filter((flow) => evaluateFilter(filter, flow, NOW_MS));

/** A term as it should be written, and with a typo or in another habit's spelling. */
interface Mistake {
  text: string;
  meant: FlowFilter;
}

const wordFields = FIELDS.filter(({ name, words }) => words.length > 2 && name !== 'family');
const wordTerm = fc
  .constantFrom(...wordFields)
  .chain((field) =>
    fc
      .constantFrom(...field.words)
      .map((word) => ({ field, word, meant: { kind: 'term', field: field.name, match: { kind: 'glob', pattern: word } } as FlowFilter })),
  )
  .map(({ field, word, meant }) => ({ field, word, meant: field.kind === 'protocol' ? filterOf(`proto:${word}`) : meant }));

/** One letter is left out, doubled, replaced, or swapped with the next. */
function slip(word: string, at: number, how: number, letter: string): string {
  const place = at % word.length;
  return [
    word.slice(0, place) + word.slice(place + 1),
    word.slice(0, place) + letter + word.slice(place),
    word.slice(0, place) + letter + word.slice(place + 1),
    word.slice(0, place) + (word[place + 1] ?? '') + word[place] + word.slice(place + 2),
  ][how]!;
}

const mistake: fc.Arbitrary<Mistake> = fc.oneof(
  fc
    .tuple(wordTerm, fc.nat(20), fc.nat(3), fc.constantFrom(...'aeioustrn-'))
    .map(([{ field, word, meant }, at, how, letter]) => ({
      text: `${field.name}:${slip(word, at, how, letter)}`,
      meant,
      field,
      word: slip(word, at, how, letter),
    }))
    // A typo that yields another word means that word.
    .filter(
      ({ field, word }) =>
        word !== '' &&
        protocolNumber(word) === undefined &&
        portNumber(word) === undefined &&
        !('filter' in parseFilter(`${field.name}:"${word}"`)) &&
        !('filter' in parseFilter(`${field.name}:${word}`)),
    ),
  fc
    .tuple(
      fc.constantFrom(
        ...FIELDS.filter(
          ({ name }) =>
            name === 'proto' || name === 'src' || name === 'dport' || name === 'helper' || name === 'label' || name === 'status',
        ),
      ),
      fc.nat(20),
      fc.nat(3),
      fc.constantFrom(...'aeioustrn'),
    )
    .map(([{ name }, at, how, letter]) => ({
      value: ({ proto: 'udp', src: '10.0.0.0/8', dport: '443', helper: 'sip', label: 'voip', status: 'assured' } as Record<string, string>)[
        name
      ]!,
      name,
      slipped: slip(name, at, how, letter),
    }))
    .filter(({ slipped, value }) => slipped !== '' && !('filter' in parseFilter(`${slipped}:${value}`)) && !slipped.startsWith('-'))
    .map(({ value, name, slipped }) => ({ text: `${slipped}:${value}`, meant: filterOf(`${name}:${value}`) })),
  wordTerm.map(({ field, word, meant }) => ({ text: `${field.name}:!${word}`, meant: negated(meant) })),
  wordTerm.map(({ field, word, meant }) => ({ text: `${field.name} != ${word}`, meant: negated(meant) })),
  wordTerm
    .map(({ word, meant, field }) => ({ text: `[${word.toUpperCase()}]`, meant, field }))
    .filter(({ field }) => field.name === 'status'),
  fc
    .nat(0xffff)
    .map((mark) => ({ text: `mark>${mark}`, meant: { kind: 'not', operand: filterOf(`mark:${mark}`) } as FlowFilter }))
    .filter(({ text }) => text === 'mark>0'),
  fc.nat(65_535).map((port) => ({ text: `dport:0x${port.toString(16)}`, meant: filterOf(`dport:${port}`) })),
  fc
    .tuple(fc.constantFrom('tcp', 'udp'), fc.constantFrom(22, 53, 80, 443, 5060))
    .map(([proto, port]) => ({ text: `${proto}/${port}`, meant: filterOf(`proto:${proto} port:${port}`) })),
  fc
    .tuple(fc.constantFrom('tcp', 'udp'), fc.constantFrom('10.0.1.2', '192.18.3.1'), fc.constantFrom(53, 443))
    .map(([proto, address, port]) => ({ text: `${proto}:${address}:${port}`, meant: filterOf(`proto:${proto} ${address}:${port}`) })),
  fc
    .constantFrom('http', 'https', 'smtp', 'ldap', 'imaps')
    .map((name) => ({ text: `app:${name}`, meant: filterOf(`proto:tcp dport:${name}`) })),
  fc
    .constantFrom('l2tp', 'rtsp', 'ssl', 'stp', 'egp', 'igp', 'eigrp', 'isis', 'pim', 'bacnet', 'modbus', 'h323', 'mgcp')
    .chain((name) =>
      fc.constantFrom('proto', 'app').map((field) => ({ text: `${field}:${name}`, meant: { kind: 'or', operands: [] } as FlowFilter })),
    )
    .filter(({ text }) => text !== 'app:l2tp'),
);

/** The mistake among other terms, and what the whole means. */
const CONTEXTS: [write: (text: string) => string, mean: (meant: FlowFilter) => FlowFilter][] = [
  [(text) => text, (meant) => meant],
  [(text) => `family:ipv4 ${text}`, (meant) => allOf([filterOf('family:ipv4'), meant])],
  [(text) => `-${text}`, negated],
  [(text) => `not (${text})`, negated],
  [(text) => `${text} or proto:gre`, (meant) => anyOf([meant, filterOf('proto:gre')])],
  [(text) => `proto:gre||${text}&&family:6`, (meant) => anyOf([filterOf('proto:gre'), allOf([meant, filterOf('family:6')])])],
];

describe('a suggestion', () => {
  it('never matches a flow that the evident meaning excludes, wherever the mistake is', () => {
    let taken = 0;
    fc.assert(
      fc.property(mistake, fc.constantFrom(...CONTEXTS), ({ text, meant }, [write, mean]) => {
        const typed = write(text);
        const found = meantBy(typed);
        if (!found) return;
        taken++;
        // A word of another protocol is offered as TCP's; whoever means the other puts it in quotation marks.
        if (/state/.test(text) && /of (SCTP|DCCP) only/.test(JSON.stringify(parseFilter(typed)))) return;
        const wanted = new Set(matched(mean(meant)));
        expect([typed, formatFilter(found), matched(found).filter((flow) => !wanted.has(flow)).length]).toEqual([
          typed,
          formatFilter(found),
          0,
        ]);
      }),
      { numRuns: 1000 },
    );
    expect(taken).toBeGreaterThan(150);
  });
});

/** A flow as printed by `conntrack -L`. */
function lineOf({ proto, orig, reply, state, zone, status, mark }: Flow): string {
  const tuple = ({ src, dst, sport, dport, icmp, srcKey, dstKey }: Tuple): string =>
    [
      `src=${src} dst=${dst}`,
      ...(sport === undefined ? [] : [`sport=${sport} dport=${dport}`]),
      ...(icmp && hasIcmp(proto) ? [`type=${icmp.type} code=${icmp.code} id=${icmp.id}`] : []),
      ...(srcKey !== undefined && hasKeys(proto) ? [`srckey=0x${srcKey.toString(16)} dstkey=0x${dstKey!.toString(16)}`] : []),
    ].join(' ');
  const name = /^\d/.test(protocolName(proto)) ? 'unknown' : protocolName(proto);
  return [
    `${name.padEnd(8)} ${proto} 117`,
    state,
    tuple(orig),
    orig.zone !== undefined && `zone-orig=${orig.zone}`,
    !(status & IPS.SEEN_REPLY) && '[UNREPLIED]',
    tuple(reply),
    reply.zone !== undefined && `zone-reply=${reply.zone}`,
    status & IPS.ASSURED && '[ASSURED]',
    `mark=${mark}`,
    zone !== 0 && `zone=${zone}`,
    'use=1',
  ]
    .filter(Boolean)
    .join(' ');
}

describe('a pasted line of conntrack -L', () => {
  it('finds exactly that flow', () => {
    fc.assert(
      fc.property(arbitraryFlow, fc.constantFrom('src', 'dst', 'sport', 'dport', 'zone', 'orig-zone', 'proto'), (flow, changed) => {
        const found = meantBy(lineOf(flow))!;
        expect(evaluateFilter(found, flow, NOW_MS)).toBe(true);
        const other: Flow =
          changed === 'proto'
            ? { ...flow, proto: 201 }
            : changed === 'zone'
              ? { ...flow, zone: 10 }
              : changed === 'orig-zone'
                ? { ...flow, orig: { ...flow.orig, zone: 10 } }
                : {
                    ...flow,
                    orig: {
                      ...flow.orig,
                      [changed]: changed.endsWith('port')
                        ? (flow.orig[changed as 'sport'] ?? 0) + 1
                        : flow.family === 4
                          ? '192.0.2.77'
                          : '2001:db8:77::77',
                    },
                  };
        const isOther = changed.endsWith('port')
          ? flow.orig.sport !== undefined
          : changed !== 'zone' || (flow.orig.zone === undefined && flow.reply.zone === undefined);
        if (isOther) expect([changed, evaluateFilter(found, other, NOW_MS)]).toEqual([changed, false]);
      }),
      { numRuns: 200 },
    );
  });

  it('works with counters, the kernel’s id or the layout of /proc, and with several lines finds each flow', () => {
    const line =
      'ipv4     2 tcp      6 431999 ESTABLISHED src=10.0.0.5 dst=198.51.100.1 sport=34567 dport=443 packets=9 bytes=900 src=198.51.100.1 dst=203.0.113.7 sport=443 dport=34567 packets=8 bytes=800 [ASSURED] mark=0 zone=0 use=2';
    const wanted =
      'proto:tcp src:10.0.0.5:34567 dst:198.51.100.1:443 rsrc:198.51.100.1:443 rdst:203.0.113.7:34567 zone:0 orig-zone:none reply-zone:none';
    expect(formatFilter(meantBy(line)!)).toBe(wanted);
    expect(formatFilter(meantBy(`${line} id=77`)!)).toBe(`${wanted} id:77`);
    expect(formatFilter(meantBy(`${line}\n${line}\n`)!)).toBe(`${wanted} or ${wanted}`);
    expect(
      formatFilter(
        meantBy(
          '    [NEW] icmp     1 30 src=10.0.0.5 dst=8.8.8.8 type=8 code=0 id=7 [UNREPLIED] src=8.8.8.8 dst=203.0.113.7 type=0 code=0 id=7 id=99',
        )!,
      ),
    ).toContain('icmp-id:7');
  });
});
