import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseGuard } from '../../agent/operations/guard-file.ts';
import { Method, Outcome, Result_State, type Result, type SignedApproval } from '../../proto/gen/ctfleet/v1/operation.ts';
import { clientAddress, SERVERS } from '../lab/topology.ts';
import { Authenticator } from '../support/authenticator.ts';
import { Conversation } from '../support/conversation.ts';
import { GATEWAY, HostileController, type HostileSession } from '../support/hostile-controller.ts';
import { Namespace } from '../support/namespace.ts';
import { signPlan } from '../support/sign-plan.ts';
import { StrictGateway } from '../support/strict-gateway.ts';

const ORIGIN = 'https://ctfleet.example.net';
const [server] = SERVERS as [string];
const BLOCK_SECONDS = 60;
const ben = new Authenticator(ORIGIN);
const guard = parseGuard(`
mostPercentOfTable: 100
approvals:
  demandedFor: [reset, block]
  console: ${ORIGIN}
  keys: [{ name: Ben, publicKey: ${ben.spki} }]
`);
const why = Namespace.why();

describe.skipIf(why !== undefined)(`a gateway that demands signatures${why ? ` (skipped: ${why})` : ''}`, () => {
  let gateway: StrictGateway;
  let controller: HostileController;
  let session: HostileSession;
  let stateDir: string;
  let port = 42_000;
  let seq = 0n;

  beforeAll(async () => {
    if (guard.error !== undefined) throw new Error(guard.error);
    stateDir = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-signed-'));
    gateway = await StrictGateway.start('ctg-signed');
    controller = await HostileController.start();
    await controller.startAgent({ table: gateway.table, stateDir, guardRules: () => guard });
    session = await controller.session();
  });
  afterAll(async () => {
    await controller.end();
    await gateway.end();
    rmSync(stateDir, { recursive: true, force: true });
  });

  const talk = (client: string) => gateway.converse('lan', 'open', 'talk.ts', 'tcp', client, ++port, server, 7);

  /** Freezes what a host has, for one way of ending it. */
  async function plan(host: string, method: Method, forSeconds?: number) {
    const planId = `01900000-0000-7000-8000-${String(Number(seq) + port).padStart(12, '0')}`;
    const digest = await controller.freeze(session, planId, `host:${host}`, { method, forSeconds });
    const word = method === Method.METHOD_RESET ? 'reset' : 'block';
    const toSign = {
      planId,
      way: { method: word, forSeconds },
      parts: [{ gatewayId: GATEWAY.gatewayId, digest }],
      expiresAtMs: Date.now() + 15 * 60_000,
    };
    return {
      signed: (by: Authenticator) => signPlan(by, toSign)(GATEWAY.gatewayId),
      run: (approval?: SignedApproval): Promise<Result> =>
        controller.command(session, {
          id: `c-${++seq}`,
          seq,
          epoch: 1n,
          notAfterMs: BigInt(Date.now() + 60_000),
          work: { $case: 'runPlan', value: { planId, digest, method, forSeconds, verifyAfterMs: 0, approval } },
        }),
    };
  }
  const refusal = { state: Result_State.STATE_REFUSED, reason: 'GUARD_REFUSED' };

  test('resets no connection without one, and with one both sides are told at their next packet', async () => {
    const host = clientAddress(1, 61);
    const conversation = await talk(host);
    await conversation.exchange('one');
    const { run, signed } = await plan(host, Method.METHOD_RESET);
    expect(await run()).toMatchObject(refusal);
    expect(await run(signed(new Authenticator(ORIGIN)))).toMatchObject(refusal);
    await conversation.exchange('still here');
    const isReset = conversation.heard('ECONNRESET');
    const talking = setInterval(() => conversation.say('again'), 200);
    const result = await run(signed(ben)).finally(() => clearInterval(talking));
    await isReset;
    expect(result).toMatchObject({ state: Result_State.STATE_DONE, runs: [{ outcome: Outcome.OUTCOME_RESET, count: 1 }] });
    expect(await gateway.flows(`host:${host} state:established`)).toEqual([]);
  });

  test('blocks no host without one, and with one refuses its new connections', async () => {
    const [host, other] = [clientAddress(1, 62), clientAddress(1, 63)];
    const conversation = await talk(host);
    const beside = await talk(other);
    const { run, signed } = await plan(host, Method.METHOD_BLOCK, BLOCK_SECONDS);
    expect(await run()).toMatchObject(refusal);
    await conversation.exchange('still here');
    await (await talk(host)).exchange('a new one as well');
    expect(await run(signed(ben))).toMatchObject({ state: Result_State.STATE_DONE });
    const attempt = new Conversation(gateway.lab.names.lan(1), 'talk.ts', ['tcp', host, ++port, server, 7]);
    await attempt.heard('ECONNREFUSED');
    await attempt.end();
    await beside.exchange('not meant');
  });
});
