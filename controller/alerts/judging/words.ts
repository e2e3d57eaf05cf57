import type { AlertFix } from '../../../proto/http/alerts.ts';
import type { AlertCause } from '../../../proto/model/alerts/kinds.ts';
import type { Rule } from '../../../proto/model/alerts/rule.ts';
import { NUMBERS, type NumberName } from '../../../proto/model/measures.ts';
import { causeOfLosses, PORTS_OF_ADDRESS, risesOf } from './losses.ts';
import type { SampleContext, Verdict } from './sample-context.ts';

/** What an alert says beside its state. */
export interface Facts {
  title: string;
  value: number;
  limit?: number;
  cause?: AlertCause;
  likely?: string;
  evidence: NumberName[];
  fix?: AlertFix;
}

interface Named {
  id: string;
  name: string;
}

/** One source with this share of a table is why it fills. */
const CULPRIT = 0.3;

/** What the alert of a rule says about what was found in a sample. */
export function factsOf(rule: Rule, verdict: Verdict, context: SampleContext, gateway: Named): Facts {
  const { value, limit } = verdict;
  const about = { value, limit };
  switch (rule.kind) {
    case 'usage':
      return {
        ...about,
        title: `conntrack table of ${gateway.name} is ${percent(value)} full`,
        ...filling(context, gateway),
        evidence: ['count', 'max', 'newPerSecond', 'endedPerSecond'],
      };
    case 'time-to-full':
      return {
        ...about,
        title: `conntrack table of ${gateway.name} is full in ${minutes(value)} at the rate of the last minutes`,
        ...filling(context, gateway),
        evidence: ['count', 'max', 'newPerSecond', 'endedPerSecond'],
      };
    case 'losses':
      return { ...about, ...losses(value, context, gateway) };
    default: {
      const measure = rule.values.measure ?? 'count';
      const unit = NUMBERS[measure].rollUp === 'rise' ? ` ${NUMBERS[measure].unit} a second` : ` ${NUMBERS[measure].unit}`;
      return {
        ...about,
        title: `${rule.name} on ${gateway.name}: ${NUMBERS[measure].words} is ${number(value)}${unit}`,
        likely: limit === undefined ? undefined : `The rule ${rule.name} raises this at ${number(limit)}${unit}.`,
        evidence: [measure],
      };
    }
  }
}

/** Who fills the table, if it is one source. */
function filling({ sample, breakdown }: SampleContext, { id, name }: Named): Pick<Facts, 'cause' | 'likely' | 'fix'> {
  const top = breakdown?.topSources[0];
  const { count, max } = sample.numbers;
  if (!top || !count || top.flows < count * CULPRIT)
    return {
      likely: top
        ? `No single source stands out: ${top.address} has the most, ${number(top.flows)} of ${number(count ?? 0)} flows.`
        : max === undefined
          ? undefined
          : `The table holds ${number(count ?? 0)} of ${number(max)} flows; which sources they are of is not known.`,
      fix: { kind: 'page', path: `/gateways/${id}`, words: `Look at ${name}` },
    };
  return {
    cause: 'many-flows-of-one-source',
    likely: `${top.address} has ${number(top.flows)} of ${number(count)} flows (${percent((100 * top.flows) / count)}).`,
    fix: { kind: 'flush', filter: `src:${top.address}`, gatewayIds: [id], words: `End the flows of ${top.address}` },
  };
}

function losses(value: number, context: SampleContext, gateway: Named): Omit<Facts, 'value' | 'limit'> {
  const { cause, address } = causeOfLosses(context);
  const rises = risesOf(context);
  const page = (path: string, words: string): AlertFix => ({ kind: 'page', path, words });
  const look = page(`/gateways/${gateway.id}`, `Look at ${gateway.name}`);
  const { count = 0, max = 0, buckets = 0 } = context.sample.numbers;
  const fills = filling(context, gateway);
  const said: Record<string, { likely: string; fix: AlertFix; evidence: NumberName[] }> = {
    'table-full': {
      likely: `The table is full: ${number(count)} of ${number(max)} flows, ${packets(rises.drop)} dropped. ${fills.likely ?? ''}`.trim(),
      fix: fills.fix ?? look,
      evidence: ['count', 'max', 'drop', 'earlyDrop'],
    },
    'early-drop': {
      likely: `The table is nearly full: the kernel ended ${number(rises.earlyDrop)} flows early to make room.`,
      fix: fills.fix ?? look,
      evidence: ['count', 'max', 'earlyDrop'],
    },
    'port-exhaustion': {
      likely:
        `${address} has hardly a port left: ${number(portsOf(context, address))} of ${number(PORTS_OF_ADDRESS)} are in use, and ` +
        `${packets(rises.insertFailed)} found none. The table itself is not full.`,
      fix: {
        kind: 'flush',
        filter: `rdst:${address} idle>5m`,
        gatewayIds: [gateway.id],
        words: `End idle flows that are translated to ${address}`,
      },
      evidence: ['insertFailed', 'drop', 'count'],
    },
    'port-clash': {
      likely:
        `Two flows wanted the same translated port at once, ${packets(rises.insertFailed)} lost. ` +
        'The table is not full, and no address is out of ports.',
      fix: look,
      evidence: ['insertFailed', 'drop', 'clashResolve'],
    },
    'few-buckets': {
      likely:
        `Chains of the hash table are too long, ${packets(rises.chainToolong)} lost: ` +
        `it has ${number(buckets)} buckets for ${number(count)} flows.`,
      fix: page(`/gateways/${gateway.id}?view=tracking`, 'Give the table more buckets'),
      evidence: ['chainToolong', 'searchRestart', 'buckets', 'count'],
    },
    unknown: {
      likely: 'The table is not full, and nothing else that the kernel counts explains it.',
      fix: look,
      evidence: ['drop', 'insertFailed', 'earlyDrop', 'count'],
    },
  };
  const what = cause === 'early-drop' ? `ended ${number(value)} flows early` : `lost ${packets(value)}`;
  return { title: `${gateway.name} ${what}: ${CAUSE_WORDS[cause]}`, cause, ...said[cause]! };
}

const CAUSE_WORDS: Readonly<Record<AlertCause, string>> = {
  'table-full': 'its conntrack table is full',
  'early-drop': 'its conntrack table is nearly full',
  'port-clash': 'ports clashed',
  'port-exhaustion': 'an address is out of ports',
  'few-buckets': 'its hash table has too few buckets',
  'many-flows-of-one-source': 'one source has many flows',
  unknown: 'why is not known',
};

function portsOf({ breakdown }: SampleContext, address: string | undefined): number {
  return Math.max(0, ...(breakdown?.translations ?? []).filter((one) => one.address === address).map(({ flows }) => flows));
}

function number(value: number): string {
  return (value < 10 ? Math.round(value * 10) / 10 : Math.round(value)).toLocaleString('en-GB');
}

function packets(value: number): string {
  return `${number(value)} ${value === 1 ? 'packet' : 'packets'}`;
}

/** Down: a table that is 99.6 % full is not full. */
function percent(value: number): string {
  return `${Math.floor(value)} %`;
}

function minutes(seconds: number): string {
  return seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}
