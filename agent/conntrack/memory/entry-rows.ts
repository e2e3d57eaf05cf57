import { parseAddress } from '../../../proto/model/address.ts';
import type { Counters, FlowKey, Tuple } from '../../../proto/model/flow.ts';
import { IPS } from '../../../proto/model/status.ts';
import { networkU32 } from '../../netlink/attributes.ts';
import { NO_TIMEOUT, SHAPE, type Columns } from '../rows/columns.ts';
import { TCP_FLAG } from '../wire/protoinfo.ts';
import type { NewEntry } from '../wire/requests.ts';
import { STATE_PROTOCOLS, stateNumber } from '../wire/states.ts';

/** What a table says of an entry beside what it was made of. */
export interface EntryFacts {
  id: number;
  startedAtMs: number;
  origCounters: Counters;
  replyCounters: Counters;
}

/** Appends an entry to columns: the counterpart of Describer.flow. Throws for an address that is none. */
export function appendEntry(columns: Columns, entry: NewEntry, { id, startedAtMs, origCounters, replyCounters }: EntryFacts): void {
  const { family, proto, orig, reply, zone, status, mark, timeoutSeconds, labels, helper, master, tracker } = entry;
  const row = appendKey(columns, { family, proto, orig, zone });
  const { common, trackers } = columns;
  common.id[row] = id;
  common.status[row] = status | IPS.CONFIRMED;
  common.mark[row] = mark;
  common.timeout[row] = timeoutSeconds ?? NO_TIMEOUT;
  common.startedAtMs[row] = startedAtMs;
  common.state[row] = stateColumn(entry);
  common.replySrc[row] = addressColumn(columns, reply.src);
  common.replyDst[row] = addressColumn(columns, reply.dst);
  const { shape, first, second } = layer4(reply);
  [common.rsport[row], common.rdport[row], common.shape[row]] = [first, second, common.shape[row]! | (shape << 4)];
  if (reply.zone !== undefined) columns.ensure('replyZone')[row] = reply.zone;
  columns.ensure('origPackets')[row] = Number(origCounters.packets);
  columns.ensure('origBytes')[row] = Number(origCounters.bytes);
  columns.ensure('replyPackets')[row] = Number(replyCounters.packets);
  columns.ensure('replyBytes')[row] = Number(replyCounters.bytes);
  if (labels) columns.setLabels(row, labels);
  if (helper !== undefined) columns.setHelper(row, helper);
  if (master) columns.masters.set(row, { proto: master.proto, tuple: master.orig });
  const { windowScale, ...rest } = tracker ?? {};
  if (windowScale) {
    common.tcpFlags[row] = TCP_FLAG.WINDOW_SCALE;
    common.windowScale[row] = windowScale.orig | (windowScale.reply << 4);
  }
  if (Object.keys(rest).length > 0) trackers.set(row, rest);
}

/** Appends a row of which only the original tuple and the zone count, and returns its index. */
export function appendKey(columns: Columns, { family, proto, orig, zone }: Omit<FlowKey, 'id'>): number {
  const row = columns.makeRoom();
  columns.count = row + 1;
  const { common } = columns;
  const { shape, first, second } = layer4(orig);
  [common.family[row], common.proto[row], common.zone[row]] = [family, proto, zone];
  common.origSrc[row] = addressColumn(columns, orig.src);
  common.origDst[row] = addressColumn(columns, orig.dst);
  [common.sport[row], common.dport[row], common.shape[row]] = [first, second, shape];
  if (orig.zone !== undefined) columns.ensure('origZone')[row] = orig.zone;
  return row;
}

/** True if two rows of different columns have the same original tuple and zone: in one table, only one of them can be. */
export function areOfOnePlace(a: Columns, rowOfA: number, b: Columns, rowOfB: number): boolean {
  const [one, other] = [a.common, b.common];
  return (
    one.sport[rowOfA] === other.sport[rowOfB] &&
    one.dport[rowOfA] === other.dport[rowOfB] &&
    one.proto[rowOfA] === other.proto[rowOfB] &&
    one.family[rowOfA] === other.family[rowOfB] &&
    (one.shape[rowOfA]! & 0xf) === (other.shape[rowOfB]! & 0xf) &&
    zoneOf(a, rowOfA) === zoneOf(b, rowOfB) &&
    isOneAddress(a, one.origSrc[rowOfA]!, b, other.origSrc[rowOfB]!, one.family[rowOfA]!) &&
    isOneAddress(a, one.origDst[rowOfA]!, b, other.origDst[rowOfB]!, one.family[rowOfA]!)
  );
}

function isOneAddress(a: Columns, ofA: number, b: Columns, ofB: number, family: number): boolean {
  return family === 4 ? ofA === ofB : Buffer.compare(a.addresses6.bytesOf(ofA), b.addresses6.bytesOf(ofB)) === 0;
}

/** Where only one direction has a zone of its own, the other has the entry's. */
function zoneOf({ common, rare }: Columns, row: number): number {
  const own = rare.origZone?.[row] ?? Number.NaN;
  return Number.isNaN(own) ? common.zone[row]! : own;
}

function addressColumn({ addresses6 }: Columns, text: string): number {
  const bytes = parseAddress(text);
  if (!bytes) throw new Error(`"${text}" is not an address`);
  if (bytes.length === 4) return networkU32(bytes, 0);
  return addresses6.intern(new Int32Array(bytes.slice().buffer), 0);
}

function layer4({ sport, dport, srcKey, dstKey, icmp }: Tuple): { shape: number; first: number; second: number } {
  if (icmp) return { shape: SHAPE.icmp, first: icmp.id, second: (icmp.type << 8) | icmp.code };
  if (srcKey !== undefined && dstKey !== undefined) return { shape: SHAPE.keys, first: srcKey, second: dstKey };
  if (sport !== undefined && dport !== undefined) return { shape: SHAPE.ports, first: sport, second: dport };
  return { shape: SHAPE.none, first: 0, second: 0 };
}

function stateColumn({ proto, state }: NewEntry): number {
  const attribute = STATE_PROTOCOLS.find((one) => one.proto === proto)?.attribute;
  const number = state === undefined ? undefined : stateNumber(proto, state);
  return attribute === undefined || number === undefined ? 0 : (attribute << 8) | number;
}
