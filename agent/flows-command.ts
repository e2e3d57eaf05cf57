import { takeConntrackOptions } from '../proto/model/filter/conntrack-options.ts';
import { parseFilter } from '../proto/model/filter/parse.ts';
import type { Flow, Tuple } from '../proto/model/flow.ts';
import { protocolName } from '../proto/model/protocol.ts';
import { statusWords } from '../proto/model/status.ts';
import { EXIT, noMore, takeValue, UsageError, type Answer } from './command-line.ts';
import type { ConntrackTable } from './conntrack/table.ts';

const DEFAULT_FLOWS = 50;
const MAX_FLOWS = 1000;

/**
 * Flows of this machine that conntrack's options and `--filter` select, both together. Throws UsageError for what does not parse: never
 * more flows than were asked for.
 */
export async function flowsCommand(words: readonly string[], table: Pick<ConntrackTable, 'search'>): Promise<Answer> {
  const { filter, limit } = flowsArguments(words);
  const parsed = parseFilter(filter);
  if ('problem' in parsed) throw new UsageError(parsed.problem.message);
  const { rows, total, tableCount } = await table.search({ filter: parsed.filter, context: { wans: [], protections: [] }, limit });
  const more = total > rows.length ? [`… and ${total - rows.length} more; --limit shows up to ${MAX_FLOWS}.`] : [];
  return {
    lines: [...rows.map(flowLine), ...more, `${total} of ${tableCount} flows.`],
    json: { filter, total, tableCount, flows: rows },
    code: EXIT.done,
  };
}

/** One filter of all that was given. Throws UsageError. */
export function flowsArguments(words: readonly string[]): { filter: string; limit: number } {
  const taken = takeConntrackOptions(words);
  if ('problem' in taken) throw new UsageError(taken.problem);
  const rest = taken.rest.filter((word) => word !== '-L' && word !== '--dump');
  const own = takeValue(rest, '--filter');
  const limit = takeValue(rest, '--limit') ?? String(DEFAULT_FLOWS);
  noMore(rest);
  if (!/^\d{1,4}$/.test(limit) || Number(limit) < 1 || Number(limit) > MAX_FLOWS)
    throw new UsageError(`“--limit” takes a number from 1 to ${MAX_FLOWS}`);
  if (own !== undefined) {
    // By itself first: in brackets, `a) or (b` would be whole.
    const alone = parseFilter(own);
    if ('problem' in alone) throw new UsageError(`“--filter”: ${alone.problem.message}`);
  }
  const filter = own === undefined || own.trim() === '' ? taken.filter : taken.filter === '' ? own : `${taken.filter} (${own})`;
  return { filter, limit: Number(limit) };
}

/** A flow on one line. What is not known is left out. */
export function flowLine({ proto, state, orig, reply, timeoutSeconds, status, mark, zone }: Flow): string {
  const parts = [
    protocolName(proto).padEnd(7),
    state ?? '',
    side(orig),
    `⇄ ${side(reply)}`,
    timeoutSeconds === undefined ? '' : `${timeoutSeconds} s`,
    statusWords(status).join(','),
    mark === 0 ? '' : `mark 0x${mark.toString(16)}`,
    zone === 0 ? '' : `zone ${zone}`,
  ];
  return parts.filter((part) => part !== '').join('  ');
}

function side({ src, dst, sport, dport }: Tuple): string {
  return `${end(src, sport)} → ${end(dst, dport)}`;
}

function end(address: string, port: number | undefined): string {
  if (port === undefined) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
