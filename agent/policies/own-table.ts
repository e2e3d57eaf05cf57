import { ZodError } from 'zod';
import { FleetError } from '../../proto/model/error-codes.ts';
import { readGeneration, readKernelTable } from '../firewall/rules/kernel-ruleset.ts';
import { FAMILY } from '../firewall/rules/ruleset.ts';
import type { NfChange } from '../firewall/tables/nf-batch.ts';
import { DecodeError } from '../netlink/attributes.ts';
import { isAsMade } from './as-made.ts';
import { listTable } from '../firewall/tables/nft.ts';
import { networkNamespace } from './network-namespace.ts';
import { NetlinkError } from '../netlink/socket.ts';
import { POLICY_TABLE } from './policy-table.ts';
import { readRuleset, type FoundTable } from './read-ruleset.ts';

const NAME = `${POLICY_TABLE.family} ${POLICY_TABLE.table}`;

/** What the listing is of: every change of nf_tables gives it another generation. Packets that add to sets do not. */
interface Moment {
  namespace: string;
  generation: number;
}

/**
 * Our table as nft lists it, in the network namespace of the calling thread. nft is asked again only once anything of nf_tables has
 * changed: a look costs a message then, and no process. One for each namespace.
 */
export class OwnTable {
  #known: (Moment & { found: FoundTable | undefined }) | undefined;

  /** Undefined if it is not there. Throws CAPABILITY_MISSING where nft cannot be asked, INTERNAL for what is no listing. */
  async found(): Promise<FoundTable | undefined> {
    const before = moment();
    if (this.#known && isSame(this.#known, before)) return this.#known.found;
    const found = await listed();
    const after = moment();
    this.#known = before && isSame(after, before) ? { ...before, found } : undefined;
    return found;
  }

  /** After a change by these messages: what is there is known without nft if the kernel tells back what they have said. */
  made(messages: readonly NfChange[], found: FoundTable): void {
    const before = moment();
    this.#known = before && tellsBack(messages) && isSame(moment(), before) ? { ...before, found } : undefined;
  }

  /** Makes a change after which this is there; known without nft if nobody else has changed anything meanwhile. */
  change(work: () => void, found: FoundTable): void {
    const before = moment();
    const wasKnown = isSame(this.#known, before);
    work();
    const after = moment();
    const isNext = before && after && after.generation === before.generation + 1 && after.namespace === before.namespace;
    this.#known = wasKnown && isNext ? { ...after, found } : undefined;
  }
}

/** False also where the kernel cannot be asked. */
function tellsBack(messages: readonly NfChange[]): boolean {
  try {
    return isAsMade(messages, readKernelTable({ family: FAMILY[POLICY_TABLE.family], name: POLICY_TABLE.table }));
  } catch (error) {
    if (!(error instanceof NetlinkError) && !(error instanceof DecodeError)) throw error;
    return false;
  }
}

async function listed(): Promise<FoundTable | undefined> {
  const json = await listTable(NAME, [], 'Rules, helpers and limits cannot be set here');
  if (json === undefined) return undefined;
  try {
    return readRuleset(json);
  } catch (error) {
    if (!(error instanceof ZodError) && !(error instanceof SyntaxError)) throw error;
    const why = error.message.split('\n')[0];
    throw new FleetError('INTERNAL', `What nft says of the table ${NAME} cannot be read: ${why}.`, {}, { cause: error });
  }
}

/** Undefined where the kernel does not tell: nft is asked then. */
function moment(): Moment | undefined {
  try {
    const generation = readGeneration();
    return generation === 0 ? undefined : { namespace: networkNamespace(), generation };
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    return undefined;
  }
}

function isSame(a: Moment | undefined, b: Moment | undefined): boolean {
  return a !== undefined && a.generation === b?.generation && a.namespace === b.namespace;
}
