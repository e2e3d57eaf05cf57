import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Mode, PolicyMatch, PolicyRule } from '../../../proto/model/policy/document.ts';
import { createEntries } from '../../support/create-entries.ts';
import { ForwardingGateway, PLACES, type Family } from '../../support/forwarding-gateway.ts';
import { Namespace } from '../../support/namespace.ts';
import { policyOf } from '../../support/policy-changing.ts';
import { entryOf } from '../../support/sample-entries.ts';
import type { SpokenFlow } from '../../support/spoken-flows.ts';
import { until } from '../../support/until.ts';

const why = Namespace.why();
const PORTS = [443, 80, 8080] as const;
const at = (port: number): PolicyMatch => ({ proto: 'tcp', dport: [{ from: port, to: port }] });
const WEB: PolicyRule = { name: 'web', match: at(443), mode: 'normal' };
const rest = (answer: 'drop' | 'reset'): PolicyRule => ({ name: 'rest', match: { proto: 'tcp' }, mode: 'deny', answer });
const OPEN = policyOf({ rules: [{ name: 'web', match: { proto: 'tcp' }, mode: 'normal' }] }, 'open');
const TIGHT = policyOf({ rules: [WEB, rest('drop')] }, 'tight');

describe.skipIf(why !== undefined)(`flows that are there when a policy comes${why ? ` (skipped: ${why})` : ''}`, () => {
  let stage: ForwardingGateway;
  beforeAll(() => {
    stage = ForwardingGateway.start('ctw-exist', PORTS);
  });
  afterEach(() => stage.reset());
  afterAll(() => stage?.end());

  const goesOn = (flow: SpokenFlow, rounds = 5): Promise<true> => {
    const from = flow.progress;
    return until('the flow goes on', () => (flow.progress >= from + rounds ? true : undefined));
  };
  /** Packets of a port come to the rules, and none passes them. */
  const isStopped = async (port: number): Promise<void> => {
    const [come, passed] = [stage.passed('before', port), stage.passed('after', port)];
    await until(`packets to ${port}`, () => (stage.passed('before', port) > come + 1 ? true : undefined));
    expect({ port, passed: stage.passed('after', port) }).toEqual({ port, passed });
  };
  /** A packet that was lost would be missing from then on. */
  const hasLostNothing = (port: number): Promise<true> =>
    until(
      `as many packets to ${port} as came`,
      () => (stage.passed('after', port) === stage.passed('before', port) ? true : undefined),
      5000,
    );
  const idOf = async (filter: string): Promise<number[]> => (await stage.flows(filter)).map(({ id }) => id);

  test.each([4, 6] as const)(
    'tightened to 443 only, over IPv%i: what goes to 80 stops both ways, 443 never loses a packet',
    async (family) => {
      // Flows of the other family, which the case before left, may still be there.
      const own = `family:ipv${family}`;
      const web = await stage.speak('tcp chat', family, 443);
      const chat = await stage.speak('tcp chat', family, 80);
      await stage.speak('tcp download', family, 8080);
      const udp = await stage.speak('udp chat', family, 5060);
      await stage.apply(OPEN);
      await stage.confirm();
      await goesOn(chat);
      const before = {
        web: await idOf(`dport:443 ${own}`),
        chat: await idOf(`dport:80 ${own}`),
        udp: await idOf(`proto:udp dport:5060 ${own}`),
      };
      expect(Object.values(before).map((ids) => ids.length)).toEqual([1, 1, 1]);

      const planned = await stage.effects(TIGHT);
      expect(planned.effects).toMatchObject([{ kind: 'stopped', path: 'rules.rest', flows: 2 }]);
      expect(planned.stopped.map(({ orig }) => [orig.src, orig.dst, orig.dport]).toSorted()).toEqual(
        [80, 8080].map((port) => [PLACES[family].client, PLACES[family].server, port]),
      );
      expect(planned.unknown).toBeUndefined();

      await stage.apply(TIGHT);
      expect((await stage.rules())?.strange).toEqual([]);
      await isStopped(80);
      await isStopped(8080);
      await goesOn(web);
      await goesOn(udp);
      await goesOn(web, 20);
      await hasLostNothing(443);
      expect({
        web: await idOf(`dport:443 ${own}`),
        chat: await idOf(`dport:80 ${own}`),
        udp: await idOf(`proto:udp dport:5060 ${own}`),
      }).toEqual(before);
      expect(web.isTold || chat.isTold).toBe(false);

      await stage.changes.restore('It is put back.');
      await goesOn(chat);
      expect(await idOf('dport:80')).toEqual(before.chat);

      await stage.apply(TIGHT);
      await stage.confirm();
      await isStopped(80);
      await goesOn(web);
      expect(await idOf('dport:443')).toEqual(before.web);
    },
  );

  test('a policy that stays the same disturbs nothing when it is applied again', async () => {
    await stage.apply(TIGHT);
    await stage.confirm();
    const web = await stage.speak('tcp chat', 4, 443);
    await goesOn(web);
    const listed = stage.gateway.run('nft', '-a', 'list', 'table', 'inet', 'ctfleet_policy');
    expect(await stage.effects(TIGHT)).toMatchObject({ effects: [], stopped: [] });
    await stage.apply(TIGHT);
    expect(stage.gateway.run('nft', '-a', 'list', 'table', 'inet', 'ctfleet_policy')).toBe(listed);
    await goesOn(web);
  });

  test.each([4, 6] as const)('who is denied with a reset is told, by a flow that is there and by a new one, over IPv%i', async (family) => {
    const chat = await stage.speak('tcp chat', family, 80);
    await stage.apply(policyOf({ rules: [WEB, rest('reset')] }));
    await until('the reset', () => chat.isTold || undefined);
    await expect(stage.speak('tcp chat', family, 8081)).rejects.toThrow('ECONNREFUSED');
  });

  test.each([4, 6] as const)('limits, tracking, helpers and timeouts are told of real flows, over IPv%i', async (family) => {
    for (const port of PORTS) await stage.speak('tcp chat', family, port);
    await stage.speak('udp chat', family, 5060);
    const quiet = entryOf({
      proto: 17,
      orig: { src: PLACES[family].client, dst: PLACES[family].server, sport: 5060, dport: 5061 },
      timeoutSeconds: 600,
    });
    createEntries([quiet]);
    const said = async (spec: Parameters<typeof policyOf>[0]): Promise<string[]> =>
      (await stage.effects(policyOf(spec))).effects.map(({ flows, kind, path }) => `${flows} ${kind} ${path}`);
    const limits = { perSource: 2, perDestination: 1, answer: 'drop' } as const;
    expect(await said({ rules: [{ name: 'few', match: { proto: 'tcp' }, limits }] })).toEqual(['3 over-limit rules.few']);
    expect(await said({ rules: [{ name: 'bulk', match: { proto: 'udp' }, mode: 'off' }] })).toEqual(['2 loses-tracking rules.bulk']);
    // A flow that waits for an acknowledgement has a shorter timeout at that moment.
    await until('all three are between two packets', async () => {
      const [effect] = await said({ timeouts: { 'tcp.established': 3600 } });
      return effect === '3 timeout-shortens timeouts.tcp.established' || undefined;
    });
    expect(await said({ helpers: ['ftp'], timeouts: { 'tcp.established': 432_000 } })).toEqual([]);
    expect(await said({ rules: [{ name: 'lan', match: { iif: ['lan'], proto: 'tcp' }, mode: 'deny', answer: 'drop' }] })).toEqual([]);
    expect(
      (await stage.effects(policyOf({ rules: [{ name: 'lan', match: { iif: ['lan'] }, mode: 'deny', answer: 'drop' }] }))).unknown,
    ).toMatch(/^Of 5 flows it cannot be told/);
  });

  test('a rule’s idle timeout comes to flows that begin, and leaves those that have it with the rule', async () => {
    const trunk = (seconds?: number) =>
      policyOf({ rules: seconds === undefined ? [] : [{ name: 'trunk', match: { proto: 'udp' }, idleTimeoutSeconds: seconds }] });
    const left = async (port: number): Promise<number> => (await stage.flows(`proto:udp dport:${port}`))[0]!.timeoutSeconds!;
    const [old, usual] = [await stage.speak('udp chat', 4, 5060), 120];
    expect((await stage.effects(trunk(5))).effects).toEqual([]);
    await stage.apply(trunk(600));
    await stage.confirm();
    await goesOn(old);
    expect(await left(5060)).toBeLessThanOrEqual(usual);
    const given = await stage.speak('udp chat', 4, 5070);
    expect(await left(5070)).toBeGreaterThan(usual);

    expect((await stage.effects(trunk())).effects).toMatchObject([{ kind: 'timeout-shortens', path: 'rules.trunk', flows: 2 }]);
    await stage.apply(trunk());
    await stage.confirm();
    await goesOn(given);
    expect(await left(5070)).toBeLessThanOrEqual(usual);
  });

  const modes = (mode: Mode) => policyOf({ rules: [{ name: 'm', match: {}, mode }] }, mode);
  /** One whose entry is lost and that is then joined in the middle, and one that was seen from its beginning. */
  async function pickedUpAndWhole(family: Family): Promise<{ joined: SpokenFlow; whole: SpokenFlow; ids: number[] }> {
    const [joined, whole] = [await stage.speak('tcp chat', family, 80), await stage.speak('tcp chat', family, 443)];
    stage.gateway.run('conntrack', '-D', '-f', `ipv${family}`, '-p', 'tcp', '--orig-port-dst', '80');
    await goesOn(joined);
    return { joined, whole, ids: [...(await idOf('dport:80')), ...(await idOf('dport:443'))] };
  }
  const ids = async (): Promise<number[]> => [...(await idOf('dport:80')), ...(await idOf('dport:443'))];

  test.each([4, 6] as const)(
    'normal to strict, over IPv%i, ends what was joined midway when it is confirmed, and nothing else',
    async (family) => {
      const { joined, whole, ids: before } = await pickedUpAndWhole(family);
      await stage.apply(modes('normal'));
      await stage.confirm();
      await goesOn(joined);

      const planned = await stage.effects(modes('strict'));
      expect(planned.effects).toMatchObject([
        { kind: 'stopped', path: 'rules.m', flows: 1, why: expect.stringContaining('not every packet') },
      ]);
      expect(planned.stopped.map(({ id }) => id)).toEqual([before[0]]);

      await stage.apply(modes('strict'));
      await goesOn(joined);
      await stage.changes.restore('It is put back.');
      expect(await ids()).toEqual(before);

      await stage.apply(modes('strict'));
      await stage.confirm();
      expect(stage.folder.lastOutcome()).toMatchObject({ outcome: 'confirmed', unmet: { ended: 1, left: 0 } });
      await isStopped(80);
      await goesOn(whole);
      expect(await ids()).toEqual(before.slice(1));
    },
  );

  test.each(
    (
      [
        ['loose', 'strict'],
        ['loose', 'normal'],
        ['normal', 'loose'],
        ['strict', 'normal'],
        ['strict', 'loose'],
      ] as const
    ).flatMap(([from, to]) => ([4, 6] as const).map((family) => [from, to, family] as const)),
  )('%s to %s leaves TCP over IPv%i alone, however it began', async (from, to, family) => {
    const { joined, whole, ids: before } = await pickedUpAndWhole(family);
    await stage.apply(modes(from));
    await stage.confirm();
    expect(await stage.effects(modes(to))).toMatchObject({ stopped: [] });
    await stage.apply(modes(to));
    await stage.confirm();
    await goesOn(joined);
    await goesOn(whole);
    expect(await ids()).toEqual(before);
  });

  test('loose to strict ends ICMP that did not begin with a request, both families, and nothing else', async () => {
    const icmp = (family: Family, type: number, id: number) =>
      entryOf({
        proto: family === 4 ? 1 : 58,
        orig: { src: PLACES[family].client, dst: PLACES[family].server, icmp: { type, code: 0, id } },
        timeoutSeconds: 600,
      });
    createEntries([icmp(4, 8, 1), icmp(4, 0, 2), icmp(6, 128, 3), icmp(6, 129, 4)]);
    const begun = async (): Promise<(number | undefined)[]> =>
      (await stage.flows('proto:icmp or proto:icmpv6')).map(({ orig }) => orig.icmp?.id).toSorted();
    expect(await begun()).toEqual([1, 2, 3, 4]);
    await stage.apply(modes('loose'));
    await stage.confirm();
    expect((await stage.effects(modes('strict'))).stopped.map(({ orig }) => orig.icmp?.id).toSorted()).toEqual([2, 4]);
    await stage.apply(modes('strict'));
    expect(await begun()).toEqual([1, 2, 3, 4]);
    await stage.confirm();
    expect(await begun()).toEqual([1, 3]);
  });
});
