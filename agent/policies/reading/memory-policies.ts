import { FleetError } from '../../../proto/model/error-codes.ts';
import { KNOWN_TIMEOUT_KEYS, SWITCHES, aboutTimeout, settingOf } from '../../../proto/model/policy/settings.ts';
import {
  EXPLAINS_TRACKING,
  PLANS_POLICY,
  READS_POLICY,
  REPORTS_POLICY,
  type PolicyReading,
  type TrackingExplanation,
} from '../../../proto/model/policy/gateway-reading.ts';
import { SWITCH_DEFAULTS } from '../../../proto/model/policy/setting-list.ts';
import type { Policies } from './policies.ts';

const IN_MEMORY = 'this gateway’s table is in memory, and no packets pass it.';
/** As on a machine of 4 GiB or more. */
const TABLE_SIZE = 262_144;
/** Timeouts that Linux 6.18 has not. */
const GONE = /^(dccp|udplite)\.|^sctp\.heartbeatAcked$/;

/** Of a gateway whose table is in memory: a kernel’s defaults, of which nothing can be changed, and no rules. */
export class MemoryPolicies implements Policies {
  abilities(): { can: string[]; cannot: Record<string, string> } {
    return {
      can: [READS_POLICY],
      cannot: {
        [EXPLAINS_TRACKING]: 'There are no rules to ask: the table is in memory.',
        [REPORTS_POLICY]: 'No policy can be in force here: the table is in memory.',
        [PLANS_POLICY]: 'No rule does anything to flows here: the table is in memory.',
      },
    };
  }

  async read(): Promise<PolicyReading> {
    const timeouts = KNOWN_TIMEOUT_KEYS.filter((key) => !GONE.test(key)).map((key) => [settingOf(key), aboutTimeout(key)!.defaultSeconds]);
    const settings = Object.fromEntries([
      ...timeouts,
      ...SWITCHES.map(({ path, setting }) => [setting, SWITCH_DEFAULTS[path] ?? TABLE_SIZE]),
    ]);
    return {
      actual: {
        settings,
        unsettable: Object.fromEntries(Object.keys(settings).map((name) => [name, IN_MEMORY])),
        helpers: [],
        noTable: 'There are no packets here: the table is in memory.',
      },
      helpers: [],
      foreign: { rules: [], undecoded: [], unread: [], left: 0 },
      unread: [],
    };
  }

  async ownTable(): Promise<undefined> {
    return undefined;
  }

  async explain(): Promise<TrackingExplanation> {
    throw new FleetError('CAPABILITY_MISSING', 'There are no rules to ask: the table is in memory.');
  }
}
