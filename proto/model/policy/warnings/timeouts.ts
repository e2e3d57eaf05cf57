import { formatDuration } from '../../duration.ts';
import type { PolicyRule, PolicyValues } from '../document.ts';
import { rulePath } from '../effective.ts';
import { helpersAt } from '../helpers.ts';
import type { KnownTimeoutKey } from '../settings.ts';
import type { Occasion, PolicyWarning } from './warning.ts';

/** Without packets that close it, an entry stays for the whole of its timeout; beyond these seconds that is long. */
const LONG: Partial<Record<KnownTimeoutKey, number>> = {
  'udp.unreplied': 120,
  'udp.replied': 600,
  'udplite.unreplied': 120,
  'udplite.replied': 600,
  icmp: 120,
  icmpv6: 120,
  generic: 1800,
  'gre.unreplied': 120,
  'gre.replied': 3600,
};
/**
 * Programs that keep idle connections alive send something every two hours by default, and most people's sessions are quiet for minutes.
 */
const KEEP_ALIVE = 7200;
const VERY_SHORT = 300;
const VERY_LONG = 86_400;
/** A lost packet of a handshake or a close is sent again after 1, 3 and 7 seconds. */
const HANDSHAKES: readonly KnownTimeoutKey[] = ['tcp.synSent', 'tcp.synRecv', 'tcp.finWait', 'tcp.closeWait', 'tcp.lastAck'];
const MIN_HANDSHAKE = 10;

export function warningsOfTimeouts({ effective: { values } }: Occasion): PolicyWarning[] {
  const { timeouts, rules } = values;
  const established = timeouts['tcp.established'];
  return [
    ...Object.entries(LONG).flatMap(([key, limit]) => {
      const seconds = timeouts[key as KnownTimeoutKey];
      return seconds !== undefined && seconds > limit ? [longWithoutClosing(`timeouts.${key}`, key, seconds)] : [];
    }),
    ...(established === undefined ? [] : ofEstablished('timeouts.tcp.established', 'Open connections', established)),
    ...HANDSHAKES.flatMap((key): PolicyWarning[] => {
      const seconds = timeouts[key];
      if (seconds === undefined || seconds >= MIN_HANDSHAKE) return [];
      return [
        {
          code: 'short-handshake',
          severity: 'caution',
          path: `timeouts.${key}`,
          message: `${key} is only ${formatDuration(seconds)}.`,
          reason:
            'A lost packet is sent again after 1, 3 and 7 seconds: slow or distant peers then find that their connection is no ' +
            'longer known.',
        },
      ];
    }),
    ...rules.flatMap((rule) => [...ofIdleTimeout(rule), ...ofHelper(rule, values)]),
  ];
}

function ofIdleTimeout({ name, match: { proto }, idleTimeoutSeconds: seconds }: PolicyRule): PolicyWarning[] {
  if (seconds === undefined) return [];
  if (proto === 'tcp') return ofEstablished(rulePath(name), `Open connections of the rule ${name}`, seconds);
  return seconds > LONG['udp.replied']! ? [longWithoutClosing(rulePath(name), `The idle timeout of the rule ${name}`, seconds)] : [];
}

/** The module keeps what carries SIP for its own time (sip_timeout, an hour unless it was loaded otherwise), from the first packet on. */
function ofHelper(
  { name, match: { proto, dport }, helper, idleTimeoutSeconds }: PolicyRule,
  { helpers = [] }: PolicyValues,
): PolicyWarning[] {
  const isHelped =
    helper === undefined ? helpers.includes('sip') && proto !== undefined && helpersAt(proto, dport).includes('sip') : helper === 'sip';
  if (idleTimeoutSeconds === undefined || !isHelped) return [];
  return [
    {
      code: 'helper-keeps-longer',
      severity: 'caution',
      path: rulePath(name),
      message: `The idle timeout of the rule ${name} does not hold where the helper sip follows its connections.`,
      reason:
        'The helper keeps whatever carries SIP for an hour after its last packet: after a failover, a phone stays stuck for as long, ' +
        'unless its flows are deleted.',
    },
  ];
}

function longWithoutClosing(path: string, what: string, seconds: number): PolicyWarning {
  return {
    code: 'long-without-closing',
    severity: 'caution',
    path,
    message: `${what} is ${formatDuration(seconds)}.`,
    reason:
      'Such flows have no packet that closes them: every one that ended stays in the table for all of this time, and a scan or a ' +
      'flood fills it.',
  };
}

function ofEstablished(path: string, what: string, seconds: number): PolicyWarning[] {
  const kept = `${what} are forgotten after ${formatDuration(seconds)} without a packet.`;
  if (seconds < KEEP_ALIVE)
    return [
      {
        code: 'short-established',
        severity: seconds < VERY_SHORT ? 'danger' : 'caution',
        path,
        message: kept,
        reason:
          'Idle connections are usually kept alive every two hours: quiet SSH, database and push connections hang, and notice only ' +
          'when they send.',
      },
    ];
  if (seconds <= VERY_LONG) return [];
  return [
    {
      code: 'long-established',
      severity: 'note',
      path,
      message: kept,
      reason:
        'Connections whose ends vanished without closing stay for all of this time; two hours are enough for whatever keeps itself alive.',
    },
  ];
}
