import type { Logger } from 'pino';
import type { LinkClient } from '../proto/gen/ctfleet/v1/link.ts';
import type { Handlers } from './link/inbox.ts';
import type { Outbox } from './link/outbox.ts';
import { Queries, type QueryDependencies } from './link/queries.ts';
import type { Spool } from './link/spool.ts';
import type { Renewal } from './link/renewal.ts';
import type { GatewayPolicyWork } from './policy-work.ts';
import type { Witness } from './link/witness.ts';
import type { Commands } from './operations/commands.ts';
import type { PolicyDecisions } from './policy-decisions.ts';
import type { Remediations } from './remediations/remediations.ts';
import type { WanEvents } from './wans/wan-events.ts';

export interface HandlerDependencies extends QueryDependencies {
  commands: Commands;
  policyWork?: Pick<GatewayPolicyWork, 'sessionBegins'>;
  remediations: Remediations;
  witness: Witness;
  renewal: Pick<Renewal, 'trust'>;
  /** Absent where no policy can be in force. */
  policyDecisions?: PolicyDecisions;
  spool: Spool;
  wanEvents: Pick<WanEvents, 'received'>;
  outbox: Outbox;
  log: Logger;
}

/**
 * What this gateway does with each message of one session, made before it is dialled. `client`: where its queries are answered; `ended`
 * aborts with it.
 */
export function handlersOf(deps: HandlerDependencies, client: LinkClient, ended: AbortSignal): Handlers {
  const { commands, policyWork, policyDecisions, remediations, blocks, witness, renewal, spool, outbox, wanEvents, log } = deps;
  const queries = new Queries(client, deps, ended);
  const confirmPolicy = policyWork?.sessionBegins();
  return {
    query: (query) => void queries.answer(query),
    cancelQuery: ({ queryId }) => queries.cancel(queryId),
    command: (command) => commands.accept(command),
    stop: ({ commandIds }) => commands.stop(commandIds),
    resultReceipt: ({ commandId }) => commands.acknowledge(commandId),
    liftBlocks: ({ ids }) => void blocks?.lift(ids).catch((error: unknown) => log.error({ err: error }, 'a block could not be lifted')),
    sampleReceipt: ({ batch }) => {
      spool.received(batch);
      outbox.pump();
    },
    remediations: ({ remediations: set, digest }) => remediations.replace(set, digest),
    remediationRunReceipt: ({ runId }) => remediations.acknowledge(runId),
    auditCheckpoint: (checkpoint) => witness.see(checkpoint),
    confirmPolicy: ({ commandId }) => void confirmPolicy?.(commandId),
    resolveDrift: (decision) => void policyDecisions?.resolve(decision),
    wanEventReceipt: ({ eventId, revision }) => wanEvents.received(eventId, revision),
    trustedRoots: ({ caPem, renewWithinMs }) => renewal.trust(Buffer.from(caPem).toString('utf8'), renewWithinMs),
  };
}
