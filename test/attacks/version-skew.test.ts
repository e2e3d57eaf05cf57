import { createFileRegistry, fromBinary, toBinary, toJsonString, type DescMessage, type FileRegistry } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { understand } from '../../agent/remediations/remediation-set.ts';
import { routes } from '../../proto/http/routes.ts';
import * as flowMessages from '../../proto/gen/ctfleet/v1/flow.ts';
import * as linkMessages from '../../proto/gen/ctfleet/v1/link.ts';
import * as operationMessages from '../../proto/gen/ctfleet/v1/operation.ts';
import { Command, Method, Outcome, Result_State } from '../../proto/gen/ctfleet/v1/operation.ts';
import * as remediationMessages from '../../proto/gen/ctfleet/v1/remediation.ts';
import * as statsMessages from '../../proto/gen/ctfleet/v1/stats.ts';
import { abilitiesFor, FILTER_ABILITIES } from '../../proto/model/filter/abilities.ts';
import { fromWireFilter, toWireFilter } from '../../proto/wire/filter.ts';
import { fromWireFlow, toWireFlow } from '../../proto/wire/flow.ts';
import { anyMessage } from '../support/any-message.ts';
import { FakeAgent, makeFlows } from '../support/controller-fake-agent.ts';
import { eventually, makePlace, TestController, type Person } from '../support/controller-fleet.ts';
import { openTestDatabases, type TestDatabases } from '../support/database.ts';
import { CommandStage } from '../support/command-stage.ts';
import { filterOf } from '../support/filter-of.ts';

interface Codec {
  encode(message: never): { finish(): Uint8Array };
  decode(bytes: Uint8Array): never;
}

const RELEASED = path.resolve(import.meta.dirname, '../../proto/released');
const CODECS = { ...flowMessages, ...linkMessages, ...operationMessages, ...remediationMessages, ...statsMessages } as unknown as Record<
  string,
  Codec
>;

const releases = readdirSync(RELEASED)
  .filter((name) => name.endsWith('.binpb'))
  .map((name) => [name.replace('.binpb', ''), contractOf(name)] as const);

function contractOf(name: string): FileRegistry {
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(path.join(RELEASED, name))));
}

/** Every message of a contract that crosses a process border; map entries are not messages of their own. */
function messagesOf(contract: FileRegistry): DescMessage[] {
  return [...contract].filter((type): type is DescMessage => type.kind === 'message' && type.typeName.startsWith('ctfleet.'));
}

/** The current generated code for a message, as ts-proto names it. */
function codecOf({ typeName }: DescMessage): Codec {
  const codec = CODECS[typeName.replace('ctfleet.v1.', '').replaceAll('.', '_')];
  if (!codec) throw new Error(`today’s contract has no ${typeName} any more`);
  return codec;
}

/** As that release reads it; here NaN equals itself, and zero has no sign. */
function textOf(schema: DescMessage, bytes: Uint8Array): string {
  return toJsonString(schema, fromBinary(schema, bytes), { alwaysEmitImplicit: true });
}

describe.each(releases)('F21: what release %s sends', (_, contract) => {
  it.each(messagesOf(contract).map((schema) => [schema.typeName, schema] as const))(
    'in %s is understood whole, and sent back it is the same to it',
    (_name, schema) => {
      const codec = codecOf(schema);
      fc.assert(
        fc.property(anyMessage(schema), (bytes) => {
          expect(textOf(schema, codec.encode(codec.decode(bytes)).finish())).toBe(textOf(schema, bytes));
        }),
        { numRuns: 50 },
      );
    },
  );
});

describe.each(releases)('F21: an agent of release %s', (_, contract) => {
  it.each(['10.0.0.5:5060', '-10.0.0.5:5060', 'proto:udp dst:10.0.0.5:53', 'wan:none', '-helper:none', '-(proto:udp orig-zone:none)'])(
    'that is asked for %s sees a term without a comparison, and refuses the whole',
    (text) => {
      const schema = messagesOf(contract).find(({ typeName }) => typeName === 'ctfleet.v1.Filter')!;
      const sent = flowMessages.Filter.encode(toWireFilter(filterOf(text))).finish();
      const seen = toBinary(schema, fromBinary(schema, sent, { readUnknownFields: false }));
      expect(() => fromWireFilter(flowMessages.Filter.decode(seen))).toThrowError(/does not know how/);
    },
  );
});

/** A field with a number that this version does not have, holding text. */
function unknownField(number: number): Buffer {
  const tag = (number << 3) | 2;
  return Buffer.from([(tag & 0x7f) | 0x80, tag >> 7, 3, 0x6e, 0x65, 0x77]);
}

describe('F21: an agent of this release with a newer controller', () => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-skew-'));
  afterAll(() => rmSync(root, { recursive: true }));

  it('refuses work and methods that it does not know, and touches nothing', async () => {
    const stage = new CommandStage(mkdtempSync(path.join(root, 'agent-')));
    const digest = await stage.freeze('dport:5060');
    const unknownWork = Command.decode(
      Buffer.concat([Command.encode({ id: 'c1', seq: 1n, epoch: 1n, notAfterMs: 2_000_000n, work: undefined }).finish(), unknownField(60)]),
    );
    stage.commands.accept(unknownWork);
    stage.commands.accept(stage.command(digest, { id: 'c2', seq: 2n, method: 77 as Method }));
    stage.commands.accept(stage.command(digest, { id: 'c3', seq: 3n, method: Method.METHOD_UNSPECIFIED }));
    await stage.commands.idle();
    expect(stage.results.map(({ commandId, state, reason }) => [commandId, state, reason])).toEqual(
      ['c1', 'c2', 'c3'].map((id) => [id, Result_State.STATE_REFUSED, 'CAPABILITY_MISSING']),
    );
    expect(stage.table.size).toBe(stage.filled);
  });

  it('takes no silence for consent: a command without digest, deadline or plan is refused', async () => {
    const stage = new CommandStage(mkdtempSync(path.join(root, 'agent-')));
    await stage.freeze('dport:5060');
    stage.commands.accept(stage.command(Buffer.alloc(0), { id: 'c1', seq: 1n }));
    stage.commands.accept({ ...stage.command(Buffer.alloc(32), { id: 'c2', seq: 2n }), notAfterMs: 0n });
    stage.commands.accept(stage.command(Buffer.alloc(32), { id: 'c3', seq: 3n, planId: '' }));
    await stage.commands.idle();
    expect(stage.results.map(({ reason }) => reason).sort()).toEqual(['COMMAND_LATE', 'PLAN_DIGEST_MISMATCH', 'PLAN_UNKNOWN']);
    expect(stage.table.size).toBe(stage.filled);
  });

  it('never takes a filter that it does not understand for a wider one', () => {
    const { Filter } = flowMessages;
    const term = {
      node: { $case: 'term' as const, value: { field: 'dport', match: { $case: 'range' as const, value: { from: 53, to: 53 } } } },
    };
    for (const wire of [
      undefined,
      Filter.decode(unknownField(60)),
      Filter.decode(Buffer.alloc(0)),
      { node: { $case: 'not' as const, value: Filter.decode(unknownField(60)) } },
      { node: { $case: 'and' as const, value: { operands: [term, Filter.decode(unknownField(60))] } } },
    ]) {
      expect(() => fromWireFilter(wire)).toThrowError(/does not know/);
    }
  });

  it('refuses a remediation that needs to know more of filters than it does', () => {
    expect(abilitiesFor(filterOf('stale:untranslated or -stale:forward-changed or stale:route-moved'))).toEqual([
      'filter:stale:untranslated',
      'filter:stale:forward-changed',
    ]);
    const document = (needed: string[]) =>
      JSON.stringify({ name: 'r', mode: 'auto', trigger: { kind: 'wan-down' }, filter: 'wan:$wan 10.0.0.5:5060', needsNewerAgent: needed });
    expect(understand({ id: 'r', revision: 1, document: document(['filter:endpoint']), isApproved: true, delaySeconds: 0 })).toHaveProperty(
      'remediation',
    );
    expect(understand({ id: 'r', revision: 1, document: document(['filter:colour']), isApproved: true, delaySeconds: 0 })).toMatchObject({
      refused: { why: 'it needs a newer agent, for filter:colour' },
    });
  });

  it('reports a flow that is stale for an unknown reason as stale', () => {
    const flow = makeFlows(1)[0]!;
    expect(fromWireFlow({ ...toWireFlow(flow), stale: 'eaten-by-a-dog' }).stale).toBe('route-moved');
    expect(fromWireFlow({ ...toWireFlow(flow), stale: 'untranslated' }).stale).toBe('untranslated');
  });

  it('refuses a remediation with a word that it does not know as a whole', () => {
    const document = { name: 'r', mode: 'auto', trigger: { kind: 'wan-down' }, filter: 'wan:$wan', onlyAtNight: true };
    expect(understand({ id: 'r', revision: 1, document: JSON.stringify(document), isApproved: true, delaySeconds: 0 })).toMatchObject({
      refused: { why: expect.stringContaining('onlyAtNight') as string },
    });
  });
});

describe('F21: a controller', () => {
  let postgres: TestDatabases;
  let controller: TestController;
  let owner: Person;
  let agent: FakeAgent;

  beforeAll(async () => {
    postgres = await openTestDatabases();
    controller = await TestController.start({ CTFLEET_DATABASE_URL: await postgres.newDatabase() });
    owner = await controller.person('owner', [{ role: 'owner', tenantId: null }]);
    const { joinToken } = await makePlace(owner, 'Acme', 'milano-gw1');
    agent = await FakeAgent.join(controller, joinToken);
    agent.flows = makeFlows(30);
  });
  afterAll(async () => {
    agent.disconnect();
    await controller.stop();
    await postgres.stop();
  });

  it('works with an agent that sends nothing newer than its own release', async () => {
    await agent.connect(controller.linkAddress, { instanceId: '', tableError: '', witnessed: [], guard: undefined });
    const plan = await owner.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'WAN1 failed' } });
    agent.onCommand = (command) => agent.done(command, [{ outcome: Outcome.OUTCOME_DELETED, count: 30 }]);
    const { flushId } = await owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
    const flush = await eventually('the flush has ended', async () => {
      const now = await owner.call(routes.getFlush, { params: { id: flushId } });
      return now.state === 'running' ? undefined : now;
    });
    expect(flush).toMatchObject({ state: 'verified', totals: { deleted: 30 } });
  });

  it('never sends a filter to an agent that does not know all of it, and says so for that gateway', async () => {
    const filter = '198.51.100.1:5060 or wan:none';
    const reason = 'its agent is older and does not know an address and a port as one, “none” in a filter; update it, or ask without';
    let asked = 0;
    const { onQuery } = agent;
    agent.onQuery = () => {
      asked++;
      return [];
    };
    expect((await owner.call(routes.searchFlows, { body: { filter } })).gateways).toMatchObject([{ state: 'failed', reason }]);
    expect((await owner.call(routes.createPlan, { body: { filter, reason: 'WAN1 failed' } })).gateways).toMatchObject([
      { state: 'left-out', reason },
    ]);
    expect((await owner.call(routes.createPlan, { body: { filter: 'icmp-type:8', reason: 'pings' } })).gateways).toMatchObject([
      { reason: expect.stringContaining('does not know icmp-type: in a filter') as string },
    ]);
    expect(asked).toBe(0);
    agent.onQuery = onQuery;
  });

  it('sends a remediation that needs a newer agent with a word that an older one refuses', async () => {
    const { id: tenantId } = (await owner.call(routes.listTenants)).items[0]!;
    const document = { name: 'trunk', trigger: { kind: 'wan-down' as const }, filter: 'wan:$wan 10.0.0.5:5060' };
    await owner.call(routes.createRemediation, { body: { tenantId, document } });
    const sent = await eventually('the gateway has it', async () =>
      agent.remediations.at(-1)?.find(({ document: text }) => text.includes('10.0.0.5')),
    );
    expect([sent].map(({ document: text }) => JSON.parse(text) as unknown)).toMatchObject([
      { filter: document.filter, needsNewerAgent: ['filter:endpoint'] },
    ]);
    expect(FILTER_ABILITIES).toContain('filter:endpoint');
  });

  it('skips what a newer agent adds, keeps its session, and takes no unknown state for success', async () => {
    const { epoch } = agent;
    agent.send({ $case: 'novelty', value: {} } as never);
    const plan = await owner.call(routes.createPlan, { body: { filter: 'proto:udp', reason: 'WAN1 failed' } });
    agent.onCommand = (command) => ({ ...agent.done(command, [{ outcome: 99 as Outcome, count: 30 }]), state: 42 as Result_State });
    const { flushId } = await owner.call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
    const flush = await eventually('the flush has ended', async () => {
      const now = await owner.call(routes.getFlush, { params: { id: flushId } });
      return now.state === 'running' ? undefined : now;
    });
    expect(flush.totals).toMatchObject({ deleted: 0, indeterminate: 30 });
    expect(agent.epoch).toBe(epoch);
  });

  it('tells an agent with another version of the link which one it speaks', async () => {
    const other = new FakeAgent(agent.identity);
    await expect(other.connect(controller.linkAddress, { protocolVersion: 2 })).rejects.toThrowError(
      /speaks version 1 of the link, the agent speaks version 2/,
    );
    other.disconnect();
  });
});
