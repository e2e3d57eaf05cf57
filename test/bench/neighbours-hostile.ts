// The hostile gateway of neighbours.ts, which forks it: everything that a gateway can send, over and over; it redials as soon as it is cut.
import { randomUUID } from 'node:crypto';
import { AgentMessage, EnrolResponse } from '../../proto/gen/ctfleet/v1/link.ts';
import { Progress_Phase, Result } from '../../proto/gen/ctfleet/v1/operation.ts';
import { Sample } from '../../proto/gen/ctfleet/v1/stats.ts';
import { HostileAgent } from '../support/hostile-agent.ts';

/** Between dials after a refusal. */
const REDIAL_MS = 50;

interface Target {
  identity: { key: string; ca: string; gatewayId: string; certificatePem: string };
  address: string;
}
type Order = { begin: Target } | { attack: boolean };

const encode = (body: NonNullable<AgentMessage['body']>): Uint8Array => AgentMessage.encode({ body }).finish();
/** Built once: the cost of building them is the attacker's. */
const messages = [
  encode({
    $case: 'result',
    value: Result.fromPartial({ commandId: randomUUID(), runs: Array.from({ length: 20_000 }, () => ({ outcome: 1, count: 1 })) }),
  }),
  encode({
    $case: 'samples',
    value: {
      batch: 1n,
      samples: Array.from({ length: 200 }, (_, ago) => Sample.fromPartial({ atMs: BigInt(Date.now() - ago), count: 1n })),
    },
  }),
  encode({ $case: 'progress', value: { commandId: randomUUID(), phase: Progress_Phase.PHASE_DELETING, done: 1, total: 2 } }),
  encode({ $case: 'pong', value: { sentAtMs: 1n } }),
];

let target: Target | undefined;
let isAttacking = false;
let sent = 0;
let work: Promise<void> = Promise.resolve();

process.on('message', (order: Order) => void obey(order).then(() => process.send!({ sent })));

async function obey(order: Order): Promise<void> {
  if ('begin' in order) target = order.begin;
  else if (order.attack) {
    isAttacking = true;
    work = attack(target!);
  } else {
    isAttacking = false;
    await work;
  }
}

async function attack({ identity: { key, ca, gatewayId, certificatePem }, address }: Target): Promise<void> {
  const response = EnrolResponse.fromPartial({ gatewayId, certificatePem: Buffer.from(certificatePem) });
  while (isAttacking) {
    const agent = new HostileAgent({ response, key, ca });
    if (await agent.connect(address)) sent += await agent.flood(endless());
    else
      await new Promise((resolve) => {
        setTimeout(resolve, REDIAL_MS);
      });
    agent.hangUp();
  }
}

function* endless(): Generator<Uint8Array> {
  for (let number = 0; isAttacking; number++) yield messages[number % messages.length]!;
}
