import fc from 'fast-check';
import { expect, it } from 'vitest';
import { follow, PHASES, signerOf, STEPS, stepsOf, strandedBy, trustedOf, type Rotation, type Step } from './rotation.ts';

/** A gateway as far as a rotation concerns it. `trusts`: issuers, by their roots; whoever it names is shown to it if it is there. */
interface Gateway {
  id: string;
  name: string;
  issuer: string;
  trusts: string[];
  /** Of an earlier version: it names no root, and learns whom to trust only when it renews. */
  isOld: boolean;
}

type Event = { kind: 'step'; step: Step } | { kind: 'renew' | 'hear'; gateway: number };

const events = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('step' as const), step: fc.constantFrom(...STEPS) }),
    fc.record({ kind: fc.constantFrom('renew' as const, 'hear' as const), gateway: fc.nat(3) }),
  ),
  { maxLength: 60 },
);

/** Whose chain a controller shows a gateway: by default the current issuer's, and that of who signs to those that name it. */
function shownTo({ trusts: [named], isOld }: Gateway, rotation: Rotation): string {
  return !isOld && named === signerOf(rotation) ? named : rotation.current;
}

const canConnect = (gateway: Gateway, rotation: Rotation): boolean =>
  gateway.trusts.includes(shownTo(gateway, rotation)) && trustedOf(rotation).includes(gateway.issuer);

/** What happens, with a step taken only where it strands nobody. */
function play(all: readonly Event[]): { rotation: Rotation; gateways: Gateway[] }[] {
  let rotation: Rotation = { phase: 'steady', current: 'a0' };
  let made = 0;
  const gateways = [0, 1, 2, 3].map((n): Gateway => ({ id: `g${n}`, name: `g${n}`, issuer: 'a0', trusts: ['a0'], isOld: n % 2 === 1 }));
  const seen = [{ rotation, gateways: structuredClone(gateways) }];
  for (const event of all) {
    if (event.kind === 'step') {
      const followed = follow(rotation, event.step, `a${made + 1}`);
      if (!followed || strandedBy(followed.leaves, gateways).length > 0) continue;
      if (event.step === 'prepare') made += 1;
      ({ rotation } = followed);
    } else {
      const gateway = gateways[event.gateway]!;
      if (event.kind === 'renew') gateway.issuer = signerOf(rotation);
      if (event.kind === 'renew' || !gateway.isOld) gateway.trusts = trustedOf(rotation);
    }
    seen.push({ rotation, gateways: structuredClone(gateways) });
  }
  return seen;
}

it('whatever is done in whatever order, and whoever is away meanwhile, every gateway can come back', () => {
  fc.assert(
    fc.property(events, (all) => {
      for (const { rotation, gateways } of play(all)) for (const gateway of gateways) expect(canConnect(gateway, rotation)).toBe(true);
    }),
    { numRuns: 1000 },
  );
});

it('there is a way back from every phase until retire, and it leads to where it began', () => {
  const steady: Rotation = { phase: 'steady', current: 'a' };
  const prepared = follow(steady, 'prepare', 'b')!.rotation;
  const switched = follow(prepared, 'switch')!.rotation;
  expect(follow(switched, 'back')).toEqual({ rotation: prepared });
  expect(follow(prepared, 'back')).toEqual({ rotation: steady, leaves: 'b' });
  expect(follow(switched, 'retire')).toEqual({ rotation: { phase: 'steady', current: 'b' }, leaves: 'a' });
});

it('a step that a phase does not have changes nothing, and those that it has are listed', () => {
  for (const phase of PHASES) {
    const rotation: Rotation = phase === 'steady' ? { phase, current: 'a' } : { phase, current: 'a', next: 'b' };
    for (const step of STEPS)
      expect([phase, step, follow(rotation, step, 'c') !== undefined]).toEqual([phase, step, stepsOf(phase).includes(step)]);
  }
  expect(follow({ phase: 'steady', current: 'a' }, 'prepare')).toBeUndefined();
});

it('a gateway of which it is not known whose certificate it has counts as one that would be stranded', () => {
  const gateways = [
    { id: '1', name: 'unknown' },
    { id: '2', name: 'old', issuer: 'a' },
    { id: '3', name: 'new', issuer: 'b' },
  ];
  expect(strandedBy('a', gateways).map(({ name }) => name)).toEqual(['unknown', 'old']);
  expect(strandedBy(undefined, gateways)).toEqual([]);
});
