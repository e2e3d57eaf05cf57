import { readFileSync, writeFileSync } from 'node:fs';
import { formatAddress, parseAddress } from '../../../proto/model/address.ts';
import { protocolNumber, PROTOCOLS } from '../../../proto/model/protocol.ts';
import type { TestPacket } from './frame.ts';
import { DEVICES, type Device, type Fate, type RuleStage, type Seen } from './stage.ts';

/** One packet of a ruleset's file, and what was seen when it was sent. */
export interface Sample {
  from: Device | 'own';
  packet: TestPacket;
  text: string;
  answer: string;
}
export interface Corpus {
  file: string;
  title: string;
  sections: { loader: string; text: string }[];
  samples: Sample[];
}

const LOADERS: Record<string, (stage: RuleStage, text: string) => unknown> = {
  nft: (stage, text) => stage.run('nft', ['-f', '-'], text),
  iptables: (stage, text) => stage.run('iptables-nft-restore', ['--noflush'], text),
  ip6tables: (stage, text) => stage.run('ip6tables-nft-restore', ['--noflush'], text),
  ipset: (stage, text) => stage.run('ipset', ['restore'], text),
  ip: (stage, text) => stage.route(text),
};

/**
 * A file is made of sections: `### LOADER`, then what it loads; `### packets`, then one packet per line: `INTERFACE PROTOCOL SOURCE >
 * DESTINATION [syn|ack] = WHAT HAPPENED`. The first line is a comment that describes it.
 */
export function readCorpus(file: string): Corpus {
  const [head = '', ...parts] = readFileSync(file, 'utf8').split(/^### /m);
  const corpus: Corpus = { file, title: head.split('\n')[0]!.replace(/^# */, ''), sections: [], samples: [] };
  for (const part of parts) {
    const end = part.indexOf('\n');
    const [loader, text] = [part.slice(0, end).trim(), part.slice(end + 1)];
    if (loader === 'packets')
      corpus.samples = text
        .split('\n')
        .filter((line) => line.trim() !== '')
        .map(parseSample);
    else if (LOADERS[loader]) corpus.sections.push({ loader, text });
    else throw new Error(`${file}: nothing loads "${loader}"; there are ${Object.keys(LOADERS).join(', ')} and packets`);
  }
  return corpus;
}

/** Writes what was seen into the file. */
export function recordCorpus({ file }: Corpus, answers: readonly string[]): void {
  const [rules, packets] = readFileSync(file, 'utf8').split(/^### packets\n/m) as [string, string];
  let next = 0;
  const lines = packets
    .split('\n')
    .map((line) => (line.trim() === '' ? line : `${line.split(' = ')[0]!.trimEnd().padEnd(64)} = ${answers[next++]}`));
  writeFileSync(file, `${rules}### packets\n${lines.join('\n')}`);
}

export function load(stage: RuleStage, { sections }: Corpus): void {
  for (const { loader, text } of sections) LOADERS[loader]!(stage, text);
}

function parseSample(line: string): Sample {
  const [text = '', answer = ''] = line.split(' = ').map((part) => part.trim());
  const [, from, protocol, source, destination, flags] = /^(\S+) (\S+) (\S+) > (\S+)(?: (syn|ack))?$/.exec(text) ?? [];
  const proto = protocolNumber(protocol ?? '');
  if (!from || proto === undefined || !([...DEVICES, 'own'] as string[]).includes(from)) throw new Error(`no packet: ${line}`);
  const [src, dst] = [parseEnd(source!), parseEnd(destination!)];
  const packet: TestPacket = {
    family: src.address.length === 4 ? 4 : 6,
    proto,
    src: src.address,
    dst: dst.address,
    sport: src.port,
    dport: dst.port,
    ...(proto === PROTOCOLS.icmp && { icmpType: 8 }),
    ...(proto === PROTOCOLS.icmpv6 && { icmpType: 128 }),
    ...(proto === PROTOCOLS.tcp && { tcpFlags: flags === 'ack' ? 0x10 : 2 }),
  };
  return { from: from as Sample['from'], packet, text, answer };
}

function parseEnd(text: string): { address: Uint8Array; port?: number } {
  const [, six, sixPort] = /^\[(.*)\](?::(\d+))?$/.exec(text) ?? [];
  const [four, fourPort] = six === undefined && text.split(':').length === 2 ? text.split(':') : [text];
  const address = parseAddress(six ?? four!);
  if (!address) throw new Error(`no address: ${text}`);
  const port = sixPort ?? fourPort;
  return { address, ...(port !== undefined && { port: Number(port) }) };
}

export type HookName = 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';

/** What became of a packet in words, and where it was last seen. */
export interface Outcome {
  text: string;
  stoppedIn?: HookName;
  how?: 'dropped' | 'reset' | 'refused';
  passed: Map<string, Seen>;
}

export function outcomeOf({ from, packet }: Pick<Sample, 'from' | 'packet'>, fate: Fate): Outcome {
  const passed = new Map<string, Seen>();
  for (const seen of fate.seen) {
    // Interfaces send reports of multicast listeners whenever they like.
    const isAlike = seen.packet.family === packet.family && seen.packet.proto === packet.proto;
    const isIt = isAlike && seen.in === (from === 'own' ? undefined : from);
    const key = `${seen.hook} ${seen.place}`;
    if (isIt && !passed.has(key)) passed.set(key, seen);
  }
  const order: HookName[] =
    from === 'own'
      ? ['output', 'postrouting']
      : passed.has('input first')
        ? ['prerouting', 'input']
        : ['prerouting', 'forward', 'postrouting'];
  const end = order.at(-1)!;
  const last = passed.get(`${end} last`);
  if (last) {
    const changes = [
      isSame(last.packet.src, packet.src) && last.packet.sport === packet.sport
        ? ''
        : ` from ${formatAddress(last.packet.src)}${last.packet.sport === packet.sport ? '' : ' by another port'}`,
      isSame(last.packet.dst, packet.dst) && last.packet.dport === packet.dport
        ? ''
        : ` to ${endText(last.packet.dst, last.packet.dport === packet.dport ? undefined : last.packet.dport)}`,
      last.mark === 0 ? '' : ` mark 0x${last.mark.toString(16)}`,
    ].join('');
    return {
      text: `${end === 'input' ? 'received' : from === 'own' ? `sent by ${last.out}` : `forwarded by ${last.out}`}${changes}`,
      passed,
    };
  }
  const stoppedIn = order.find((hook) => !passed.has(`${hook} last`))!;
  if (stoppedIn === 'forward' && !passed.has('forward first')) return { text: 'not routed', passed };
  const answers = fate.seen
    .filter(({ hook, place }) => hook === 'output' && place === 'first')
    .map((seen) => seen.packet)
    .filter(({ dst }) => isSame(dst, packet.src));
  const how = answers.some(({ proto, tcpFlags = 0 }) => proto === PROTOCOLS.tcp && tcpFlags & 4)
    ? 'reset'
    : answers.some(({ proto, icmpType }) => (proto === PROTOCOLS.icmp && icmpType === 3) || (proto === PROTOCOLS.icmpv6 && icmpType === 1))
      ? 'refused'
      : 'dropped';
  return { text: `${how} in ${stoppedIn}`, stoppedIn, how, passed };
}

function endText(address: Uint8Array, port: number | undefined): string {
  const text = formatAddress(address);
  return port === undefined ? text : address.length === 4 ? `${text}:${port}` : `[${text}]:${port}`;
}

export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
