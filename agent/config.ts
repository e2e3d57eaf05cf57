import { isIP } from 'node:net';
import path from 'node:path';
import { z } from 'zod';

const address = z.string().regex(/^.+:\d{1,5}$/, 'must be host:port');

const schema = z.object({
  CTFLEET_STATE_DIR: z.string().min(1).default('/var/lib/ctfleet-agent'),
  CTFLEET_ENROL_ADDRESS: address.optional(),
  CTFLEET_LINK_ADDRESS: address.optional(),
  CTFLEET_JOIN_TOKEN: z.string().optional(),
  /** Holds the join token instead of CTFLEET_JOIN_TOKEN; removed once it was used. */
  CTFLEET_JOIN_TOKEN_FILE: z.string().min(1).optional(),
  /** The name of the site where this gateway stands, for a join token of several sites. */
  CTFLEET_SITE: z.string().trim().max(100).optional(),
  /** `wan1=Fibre,wan2=LTE`: names of WANs by interface. */
  CTFLEET_WANS: z
    .string()
    .regex(/^([\w.@-]+=[^,=]+)(,[\w.@-]+=[^,=]+)*$/, 'must be interface=name,…')
    .optional(),
  /** `wan1=198.51.100.10,wan2=2001:db8::1`: what is pinged through each WAN, by interface. */
  CTFLEET_WAN_PROBES: z
    .string()
    .transform((text) => text.split(',').map((pair) => pair.split('=') as [string, string]))
    .refine(
      (pairs) => pairs.every(([device, target, ...more]) => /^[\w.@-]+$/.test(device) && isIP(target ?? '') !== 0 && more.length === 0),
      'must be interface=address,…',
    )
    .optional(),
  /** `198.51.100.5,2001:db8::5`: addresses that move between the nodes of a pair, beside those that say so themselves. */
  CTFLEET_VIRTUAL_ADDRESSES: z
    .string()
    .transform((text) => text.split(',').map((one) => one.trim()))
    .refine((all) => all.every((one) => isIP(one) !== 0), 'must be address,…')
    .optional(),
  CTFLEET_GUARD_FILE: z.string().min(1).optional(),
  /** 1: where the table is full, the agent may delete some flows that are over or were never answered. */
  CTFLEET_EMERGENCY: z.enum(['0', '1'], 'must be 0 or 1').default('0'),
  CTFLEET_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
});

/** What the agent was told, checked. */
export interface AgentConfig {
  stateDir: string;
  enrolAddress?: string;
  /** Overrides the one from enrolment. */
  linkAddress?: string;
  joinToken?: string;
  joinTokenFile?: string;
  site?: string;
  wanNames: ReadonlyMap<string, string>;
  /** Addresses to probe, by interface. */
  wanProbes: ReadonlyMap<string, string>;
  virtualAddresses: readonly string[];
  /** Absent: the usual place, where it need not be. */
  guardFile?: string;
  mayActInEmergency: boolean;
  logLevel: string;
}

/** Reads CTFLEET_* variables. Throws one Error that lists every variable that is wrong and why. */
export function readAgentConfig(env: Record<string, string | undefined>): AgentConfig {
  const parsed = schema.safeParse(Object.fromEntries(Object.entries(env).filter(([, value]) => value !== '')));
  if (!parsed.success)
    throw new Error(
      `The environment is not right:\n${parsed.error.issues.map((issue) => `  ${issue.path[0]?.toString() ?? ''}: ${issue.message}`).join('\n')}`,
    );
  const value = parsed.data;
  return {
    stateDir: path.resolve(value.CTFLEET_STATE_DIR),
    enrolAddress: value.CTFLEET_ENROL_ADDRESS,
    linkAddress: value.CTFLEET_LINK_ADDRESS,
    joinToken: value.CTFLEET_JOIN_TOKEN,
    joinTokenFile: value.CTFLEET_JOIN_TOKEN_FILE,
    site: value.CTFLEET_SITE,
    wanNames: new Map(
      (value.CTFLEET_WANS ?? '')
        .split(',')
        .filter(Boolean)
        .map((pair) => pair.split('=') as [string, string]),
    ),
    wanProbes: new Map(value.CTFLEET_WAN_PROBES),
    virtualAddresses: value.CTFLEET_VIRTUAL_ADDRESSES ?? [],
    guardFile: value.CTFLEET_GUARD_FILE,
    mayActInEmergency: value.CTFLEET_EMERGENCY === '1',
    logLevel: value.CTFLEET_LOG_LEVEL,
  };
}
