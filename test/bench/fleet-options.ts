import { parseArgs } from 'node:util';

/** The rows of the benchmark in the order in which they are measured: what disturbs the others comes last. */
export const PARTS = ['held', 'search', 'plan', 'remediation', 'overview', 'metrics', 'comeback'] as const;
export type Part = (typeof PARTS)[number];

export interface FleetOptions {
  gateways: number;
  flows: number;
  minutes: number;
  processes: number | undefined;
  only: readonly Part[];
  json: boolean;
}

/** Throws an Error of one line for what cannot be understood. */
export function fleetOptions(args: string[]): FleetOptions {
  const { values } = parseArgs({
    args,
    options: {
      gateways: { type: 'string', default: '1000' },
      flows: { type: 'string', default: '100000' },
      minutes: { type: 'string', default: '2' },
      processes: { type: 'string' },
      only: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  return {
    gateways: numberOf('--gateways', values.gateways, 20_000),
    flows: numberOf('--flows', values.flows, 1_000_000),
    minutes: numberOf('--minutes', values.minutes, 24 * 60),
    processes: values.processes === undefined ? undefined : numberOf('--processes', values.processes, 64),
    only: values.only === undefined ? PARTS : values.only.split(',').map(partOf),
    json: values.json,
  };
}

function numberOf(flag: string, text: string, most: number): number {
  const value = Number(text);
  if (text === '' || !(value > 0 && value <= most)) throw new Error(`${flag} takes a number up to ${most}, not "${text}"`);
  return value;
}

function partOf(text: string): Part {
  const part = PARTS.find((one) => one === text);
  if (part === undefined) throw new Error(`--only takes some of ${PARTS.join(', ')}, not "${text}"`);
  return part;
}
