import { parentPort } from 'node:worker_threads';
import { whyNoRules } from '../../conntrack/stale/kernel-rules.ts';
import { DecodeError } from '../../netlink/attributes.ts';
import { NetlinkError } from '../../netlink/socket.ts';
import { GatewayRules } from '../../firewall/rules/gateway-rules.ts';
import { readKernelRuleset } from '../../firewall/rules/kernel-ruleset.ts';
import { readSurroundings } from '../../firewall/rules/kernel-surroundings.ts';
import { lookUpRoute } from '../../firewall/rules/look-up-route.ts';
import type { AskedPacket, TrackingExplanation } from '../../../proto/model/policy/gateway-reading.ts';
import { explainTracking } from './explain.ts';
import { readActual, TrackingRules, type ReadingWithoutTable } from './read-actual.ts';

/** What the thread is asked. */
export type ThreadTask = { kind: 'read' } | { kind: 'explain'; packet: AskedPacket };
/** Its answer. */
export type ThreadOutcome =
  | { kind: 'read'; reading: ReadingWithoutTable }
  | { kind: 'explained'; explanation: TrackingExplanation }
  | { kind: 'refused'; why: string };

/** Reading a hundred thousand rules blocks it for a second, which no heartbeat waits for. */
if (!parentPort) throw new Error('thread.ts runs as a worker thread of reading-thread.ts');
const port = parentPort;
const rules = new TrackingRules();
port.on('message', (task: ThreadTask) => port.postMessage(carryOut(task)));

function carryOut(task: ThreadTask): ThreadOutcome {
  if (task.kind === 'read') return { kind: 'read', reading: readActual(rules) };
  const why = whyNoRules();
  if (why !== undefined) return { kind: 'refused', why };
  try {
    const surroundings = readSurroundings();
    const rules = new GatewayRules(readKernelRuleset(), { ...surroundings, waysOut: lookUpRoute });
    return { kind: 'explained', explanation: explainTracking(task.packet, { rules, surroundings, waysOut: lookUpRoute }) };
  } catch (error) {
    if (!(error instanceof NetlinkError) && !(error instanceof DecodeError)) throw error;
    return { kind: 'refused', why: `The rules could not be read: ${error.message}.` };
  }
}
