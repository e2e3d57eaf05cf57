import { CT_STATE_BIT } from './nf-tables.ts';
import { decodeXtConnlimit, decodeXtCt, decodeXtPorts, decodeXtStates, type PortTest } from './xt-facts.ts';
import type { XtMatch } from './xt-matches.ts';
import type { XtTarget } from './xt-targets.ts';

/** A match as iptables writes it; undefined for one that is not decoded here. */
export function xtMatchText(match: XtMatch): string | undefined {
  if (match.name === 'comment') return '';
  const ports = decodeXtPorts(match);
  if (ports) {
    const flags = ports.flags && `--tcp-flags 0x${ports.flags[0].toString(16)} 0x${ports.flags[1].toString(16)}`;
    return [`-m ${match.name}`, portText('--sport', ports.sport), portText('--dport', ports.dport), flags].filter(Boolean).join(' ');
  }
  const states = decodeXtStates(match);
  if (states !== undefined) return `--ctstate ${statesText(states)}`;
  const limit = decodeXtConnlimit(match);
  return (
    limit &&
    `--connlimit-${limit.isOver ? 'above' : 'upto'} ${limit.count} ${limit.isByDestination ? '--connlimit-daddr' : '--connlimit-saddr'}`
  );
}

/** A target as iptables writes it; undefined for one that is not decoded here. */
export function xtTargetText(target: XtTarget): string | undefined {
  const ct = decodeXtCt(target);
  if (!ct) return undefined;
  const direction = ct.direction === undefined ? '' : ct.direction === 'reply' ? '-reply' : '-orig';
  const zone = ct.isZoneByMark ? 'mark' : ct.zone;
  return [
    '-j CT',
    ct.isNotrack && '--notrack',
    zone !== undefined && `--zone${direction} ${zone}`,
    ct.helper && `--helper ${ct.helper}`,
    ct.timeout && `--timeout ${ct.timeout}`,
  ]
    .filter(Boolean)
    .join(' ');
}

function portText(option: string, test: PortTest | undefined): string {
  if (!test) return '';
  return `${test.isNot ? '! ' : ''}${option} ${test.from === test.to ? test.from : `${test.from}:${test.to}`}`;
}

function statesText(bits: number): string {
  return Object.entries(CT_STATE_BIT)
    .filter(([, bit]) => (bits & bit) !== 0)
    .map(([name]) => name.toUpperCase())
    .join(',');
}
