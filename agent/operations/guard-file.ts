import { readFileSync, statSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { evaluateFilter } from '../../proto/model/filter/evaluate.ts';
import { forEachTerm, type FlowFilter } from '../../proto/model/filter/filter.ts';
import { parseFilter } from '../../proto/model/filter/parse.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { SIGNATURE_DEMANDS } from '../../proto/model/signature-demands.ts';
import { readPublicKey } from '../../proto/signing/assertion.ts';
import { METHOD_WORDS } from '../../proto/model/method.ts';
import { toWireMethod } from '../../proto/wire/method.ts';
import { NO_RULES, type ApprovalRules, type GuardRules } from './local-guard.ts';

export const DEFAULT_GUARD_FILE = '/etc/ctfleet/guard.yaml';

/** Enough for everybody who may approve, with several devices each. */
const MAX_KEYS = 100;

const approvals = z.strictObject({
  demandedFor: z.array(z.enum(SIGNATURE_DEMANDS)).min(1),
  /** The console's address: passkeys belong to it. */
  console: z.string().max(300),
  keys: z
    .array(z.strictObject({ name: z.string().min(1).max(100), publicKey: z.string().min(1).max(2000) }))
    .min(1)
    .max(MAX_KEYS),
});

const schema = z.strictObject({
  readOnly: z.boolean().default(false),
  methods: z.array(z.enum(METHOD_WORDS)).min(1).optional(),
  protect: z.array(z.strictObject({ filter: z.string().min(1), reason: z.string().min(1).max(100) })).default([]),
  mostDeletesAMinute: z.number().int().min(0).optional(),
  mostPercentOfTable: z.number().min(0).max(100).optional(),
  approvals: approvals.optional(),
});

/** Parses a guard file, YAML or JSON. An empty one forbids nothing. If it is invalid, the rules' `error` says what is wrong and where. */
export function parseGuard(text: string): GuardRules {
  let document: unknown;
  try {
    document = parse(text) ?? {};
  } catch (error) {
    return forbidding((error as Error).message);
  }
  const parsed = schema.safeParse(document);
  if (!parsed.success)
    return forbidding(parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the file'}: ${message}`).join('; '));
  const { readOnly, methods = [], protect, mostDeletesAMinute, mostPercentOfTable } = parsed.data;
  const protections: GuardRules['protections'] = [];
  for (const [index, { filter, reason }] of protect.entries()) {
    const found = protectionFilter(filter);
    if ('problem' in found) return forbidding(`protect.${index}.filter: ${found.problem}`);
    protections.push({ reason, filter: found.filter });
  }
  const approving = parsed.data.approvals && toApprovalRules(parsed.data.approvals);
  if (approving && 'problem' in approving) return forbidding(`approvals.${approving.problem}`);
  return {
    isReadOnly: readOnly,
    methods: methods.map(toWireMethod),
    protect,
    protections,
    mostDeletesAMinute,
    mostPercentOfTable,
    approvals: approving,
  };
}

/** The guard file of this gateway, read again whenever it changes. Without one, only the built-in rules apply. */
export class GuardFile {
  readonly #file: string;
  readonly #isRequired: boolean;
  #seen: string | undefined;
  #rules: GuardRules = NO_RULES;

  /** @param isRequired true if the file was configured explicitly: then its absence is an error, like an invalid key in it */
  constructor(file: string, isRequired: boolean) {
    this.#file = file;
    this.#isRequired = isRequired;
  }

  rules(): GuardRules {
    try {
      const stat = statSync(this.#file, { bigint: true, throwIfNoEntry: this.#isRequired });
      const seen = stat ? `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}` : 'none';
      if (seen !== this.#seen) this.#rules = this.#named(stat ? parseGuard(readFileSync(this.#file, 'utf8')) : NO_RULES);
      this.#seen = seen;
    } catch (error) {
      this.#seen = undefined;
      this.#rules = this.#named(forbidding((error as Error).message));
    }
    return this.#rules;
  }

  /** An invalid file still protects what it did before, in case an operation is in progress. */
  #named(rules: GuardRules): GuardRules {
    const { protect, protections } = this.#rules;
    return rules.error === undefined
      ? rules
      : { ...rules, protect, protections, error: `${this.#file} cannot be used (${rules.error}); nothing is ended until it is fixed.` };
  }
}

function forbidding(error: string): GuardRules {
  return { ...NO_RULES, isReadOnly: true, error };
}

/** Reads the keys; `problem` begins with the place. */
function toApprovalRules({ demandedFor, console: address, keys }: z.output<typeof approvals>): ApprovalRules | { problem: string } {
  const url = URL.parse(address);
  if (!url || url.origin !== address || !/^https?:$/.test(url.protocol))
    return { problem: 'console: it must be an address such as https://ctfleet.example.net, without a path' };
  const read: ApprovalRules['keys'] = [];
  for (const [index, { name, publicKey }] of keys.entries()) {
    try {
      read.push({ name, key: readPublicKey(publicKey) });
    } catch (error) {
      return { problem: `keys.${index}.publicKey: ${(error as Error).message}` };
    }
  }
  return { demandedFor, site: { rpId: url.hostname, origins: [url.origin] }, keys: read };
}

/** Parses a filter that every flow of this gateway can be tested against. */
function protectionFilter(text: string): { filter: FlowFilter } | { problem: string } {
  const parsed = parseFilter(text);
  if ('problem' in parsed) return { problem: parsed.problem.message };
  try {
    forEachTerm(parsed.filter, (term) => evaluateFilter(term, PROBE, 0));
    return parsed;
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

/** Finds terms that the agent cannot evaluate by evaluating each of them on a made-up flow. */
const PROBE: Flow = {
  family: 4,
  proto: 6,
  orig: { src: '0.0.0.0', dst: '0.0.0.0' },
  reply: { src: '0.0.0.0', dst: '0.0.0.0' },
  zone: 0,
  id: 0,
  status: 0,
  mark: 0,
  labels: [],
};
