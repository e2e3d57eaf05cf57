import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { loadIdentity } from '../../../agent/link/identity.ts';
import { AgentMessage, EnrolResponse } from '../../../proto/gen/ctfleet/v1/link.ts';
import { OutcomeRun, Result } from '../../../proto/gen/ctfleet/v1/operation.ts';
import { routes } from '../../../proto/http/routes.ts';
import { HostileAgent } from '../../support/hostile-agent.ts';
import { isCertificateNew, isSetAside } from './collect.ts';
import { until, type Fleet } from './fleet.ts';
import { withClient } from './parts.ts';

/** Two agents that share an identity take the link from each other at once; this is much later. */
const NOTICED_MS = 60_000;
const LOOK_MS = 200;
/** Certificates of five minutes, the shortest, are renewed after three at the latest. */
const RENEWED_MS = 240_000;
/** Parts of one result: together less than a gateway may send at once. */
const PARTS = 250;
const RUNS_OF_A_PART = 20_000;

/**
 * A copy of one gateway's agent runs beside it until the gateway is set aside, or until time is up. Then the copy ends, and an operator
 * reinstates the gateway, as the documentation says. Resolves when it is connected again. The copy is made of a certificate that neither of
 * them renews meanwhile: whichever did so would be the gateway from then on, and the other would have to be enrolled again.
 */
export async function cloneGateway(fleet: Fleet): Promise<void> {
  const { parts, agents, operator } = fleet;
  const { id, name } = agents[0]!;
  await until('its certificate is new', () => isCertificateNew(parts.databaseUrl, id), RENEWED_MS);
  const fromMs = Date.now();
  parts.startClone(name);
  const wasSeen = await noticed(() => isSetAside(parts.databaseUrl, id));
  await parts.signal('clone', 'SIGKILL');
  if (wasSeen) await operator.call(routes.reinstateGateway, { params: { id } });
  else await forgetHolders(parts.databaseUrl, id);
  await fleet.untilLinked(0);
  fleet.clones.push({ gatewayId: id, fromMs, toMs: Date.now(), wasSeen });
}

/** The database goes back to what it was before `meanwhile`. Resolves when every gateway is connected again. */
export async function restoreBackup(fleet: Fleet, meanwhile: () => Promise<void>): Promise<void> {
  const fromMs = Date.now();
  await fleet.parts.backUpPostgres();
  await meanwhile();
  await fleet.parts.restorePostgres();
  const toMs = Date.now();
  fleet.restores.push({ name: 'database restored', fromMs, toMs });
  await fleet.untilLinked(fromMs);
}

/**
 * Somebody with the identity of a gateway whose agent is down reports on a command that nobody gave, part after part, and never sends the
 * last. Resolves when everything was sent, or the controller accepts no more.
 */
export async function reportWithoutEnd({ parts, agents }: Fleet): Promise<void> {
  const { gatewayId, key, ca, certificate } = loadIdentity(agents[0]!.stateDir)!;
  const hostile = new HostileAgent({
    response: EnrolResponse.fromPartial({ gatewayId, certificatePem: Buffer.from(certificate) }),
    key,
    ca,
  });
  if (!(await hostile.connect(parts.addresses.linkAddress)))
    throw new Error(`the controller refused the hostile agent: ${(await hostile.ended).details}`);
  const deaths = parts.deaths.length;
  const commandId = randomUUID();
  const runs = Array.from({ length: RUNS_OF_A_PART }, () => OutcomeRun.fromPartial({ outcome: 1, count: 1 }));
  await hostile.flood(
    Array.from({ length: PARTS }, (_, part) =>
      AgentMessage.encode({ body: { $case: 'result', value: Result.fromPartial({ commandId, part, runs }) } }).finish(),
    ),
  );
  hostile.say({ $case: 'samples', value: { batch: 1n, samples: [] } });
  const isHeard = () => hostile.heard.some(({ body }) => body?.$case === 'sampleReceipt');
  await noticed(() => isHeard() || parts.deaths.length > deaths);
  hostile.hangUp();
}

/** A controller that was unable to see it would set the gateway aside as soon as it can. */
async function forgetHolders(databaseUrl: string, gatewayId: string): Promise<void> {
  await withClient(databaseUrl, (client) =>
    client.query(`UPDATE link_session SET takeovers = 0, superseded = '{}' WHERE gateway_id = $1`, [gatewayId]),
  );
}

async function noticed(isSo: () => Promise<boolean> | boolean): Promise<boolean> {
  for (const endMs = performance.now() + NOTICED_MS; performance.now() < endMs; await delay(LOOK_MS)) if (await isSo()) return true;
  return false;
}
