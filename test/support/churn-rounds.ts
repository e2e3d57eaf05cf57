import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { systemClock } from '../../agent/time/clock.ts';
import { KernelTable } from '../../agent/conntrack/kernel/kernel-table.ts';
import { CT_DELETE, NFNLGRP_CONNTRACK_DESTROY } from '../../agent/conntrack/wire/constants.ts';
import { decodeEntry } from '../../agent/conntrack/wire/entry.ts';
import { hostU16, hostU32 } from '../../agent/netlink/attributes.ts';
import { NETLINK_NETFILTER, NLMSG_HEADER_LENGTH, align4 } from '../../agent/netlink/constants.ts';
import { messageLength } from '../../agent/netlink/message.ts';
import { isOwnPort, NetlinkSocket } from '../../agent/netlink/socket.ts';
import { Commands } from '../../agent/operations/commands.ts';
import { Journal } from '../../agent/operations/journal.ts';
import { Lately } from '../../agent/operations/lately.ts';
import { LocalGuard, NO_RULES } from '../../agent/operations/local-guard.ts';
import { PlanStore } from '../../agent/operations/plan-store.ts';
import { UndoStore } from '../../agent/operations/undo-store.ts';
import { Method, Outcome, Result_State, type Result } from '../../proto/gen/ctfleet/v1/operation.ts';
import { parseFilter } from '../../proto/model/filter/parse.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { Conversation } from './conversation.ts';
import { createEntries } from './create-entries.ts';
import { Namespace } from './namespace.ts';
import { entryOf } from './sample-entries.ts';

export interface ChurnReport {
  rounds: number;
  /** New flows a second that the generator reached, over the whole run. */
  bornPerSecond: number;
  born: number;
  /** Flows of all plans, and what became of them. */
  planned: number;
  deleted: number;
  gone: number;
  /** Flows that match the filter, were born after the plan, and were still there after it ran. */
  sparedStrangers: number;
  /** Flows whose tuple was in the plan, that ended and were re-created before it ran; and how many of those also had the same id. */
  sparedTwins: number;
  sameIds: number;
  /** Flows of all plans that were protected, as if a controller had lied; all of them are still there. */
  sparedProtected: number;
  seconds: number;
}

const filterOf = (text: string) => (parseFilter(text) as Extract<ReturnType<typeof parseFilter>, { filter: unknown }>).filter;
const DOOMED = filterOf('dport:1060');
const CONTEXT = { wans: [], protections: [{ reason: 'kept by its owner', filter: filterOf('src:10.21.0.0/24') }] };
const KEPT = 50;
/** Of the ports that the generator cycles through, one in this many is the doomed one. */
const PORTS = 64;
const TWINS = 10;
const TWIN_MARK = 0x77;

/**
 * Freezes a plan and runs it, round after round, while new flows are born, some of which match the plan's filter; between the two, some of
 * the plan's flows end and are re-created with the same tuple. Throws if anything was ended that was not in its round's plan: the kernel's
 * own events tell who ended what. Each plan also names protected flows, which must stay. The calling thread must not be in a namespace.
 */
export async function churnRounds({ prefix, rounds, rate }: { prefix: string; rounds: number; rate: number }): Promise<ChurnReport> {
  const namespace = Namespace.createWithSink(prefix);
  const leave = namespace.enter();
  const folder = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-churn-'));
  const table = new KernelTable();
  const ends = new EndsByUs();
  const results: Result[] = [];
  const journal = new Journal(folder);
  const plans = new PlanStore(folder);
  const commands = new Commands({
    table,
    journal,
    plans,
    undos: new UndoStore(folder, plans),
    guard: new LocalGuard(() => ({ ...NO_RULES, mostPercentOfTable: 100 }), new Lately(Date.now)),
    clock: systemClock,
    context: () => CONTEXT,
    controllerClock: { latest: Date.now },
    log: pino({ level: 'silent' }),
    report: { progress: () => undefined, result: (result) => results.push(result) },
  });
  // The generator's flows live long enough that most of a plan's are still there, and then end by themselves.
  namespace.sysctl('net.netfilter.nf_conntrack_udp_timeout', 2);
  const churn = new Conversation(namespace.name, 'churn.ts', [rate, 1e12, PORTS]);
  const report: ChurnReport = {
    rounds,
    bornPerSecond: 0,
    born: 0,
    planned: 0,
    deleted: 0,
    gone: 0,
    sparedStrangers: 0,
    sparedTwins: 0,
    sameIds: 0,
    sparedProtected: 0,
    seconds: 0,
  };
  const twins = Array.from({ length: TWINS }, (_, index) =>
    entryOf({
      proto: 17,
      mark: TWIN_MARK,
      orig: { src: `10.20.0.${index}`, dst: '198.51.100.9', sport: 4000, dport: 1060 },
      timeoutSeconds: 600,
    }),
  );
  const kept = Array.from({ length: KEPT }, (_, index) =>
    entryOf({ proto: 17, orig: { src: `10.21.0.${index}`, dst: '198.51.100.9', sport: 4000, dport: 1060 }, timeoutSeconds: 86_400 }),
  );
  try {
    createEntries(kept);
    await churn.heard('flowing');
    const beganMs = performance.now();
    for (let round = 1; round <= rounds; round++) {
      createEntries(twins);
      const planId = `${round.toString(16).padStart(8, '0')}-0000`;
      const planned: Flow[] = [];
      const writer = plans.begin(planId, Date.now() + 60_000);
      for await (const batch of table.collect({ filter: DOOMED, context: CONTEXT }))
        batch.forEach((flow) => {
          planned.push(flow);
          writer.add(flow);
        });
      const digest = writer.finish();

      namespace.run('conntrack', '-D', '-m', `${TWIN_MARK}/0xffffffff`);
      createEntries(twins);
      const reborn = (
        await table.lookup(
          twins.map((twin) => ({ ...twin, id: 0 })),
          CONTEXT,
        )
      ).map((flow) => flow!);

      commands.accept({
        id: `c${round}`,
        seq: BigInt(round),
        epoch: 1n,
        notAfterMs: BigInt(Date.now() + 60_000),
        work: { $case: 'runPlan', value: { planId, digest, method: Method.METHOD_DELETE, verifyAfterMs: 0 } },
      });
      await commands.idle();
      const result = results.pop()!;
      if (result.state !== Result_State.STATE_DONE) throw new Error(`round ${round}: ${result.reason} ${result.detail}`);
      commands.acknowledge(`c${round}`);

      const plannedNames = new Set(planned.map(nameOf));
      const names = new Set(plannedNames);
      const outside = ends.read().filter((ended) => !names.delete(nameOf(ended)));
      if (outside.length > 0)
        throw new Error(`round ${round}: ${outside.length} flows outside the plan were ended, such as ${nameOf(outside[0]!)}`);
      const counts = (outcome: Outcome): number => result.runs.reduce((sum, run) => (run.outcome === outcome ? sum + run.count : sum), 0);
      if (counts(Outcome.OUTCOME_PROTECTED) !== KEPT)
        throw new Error(`round ${round}: ${KEPT} flows of the plan are protected, ${counts(Outcome.OUTCOME_PROTECTED)} were left for that`);
      report.sparedProtected += (
        await table.lookup(
          kept.map((entry) => ({ ...entry, id: 0 })),
          CONTEXT,
        )
      ).filter((flow) => flow && plannedNames.has(nameOf(flow))).length;
      if (planned.length - names.size !== counts(Outcome.OUTCOME_DELETED) + counts(Outcome.OUTCOME_REAPPEARED))
        throw new Error(`round ${round}: ${planned.length - names.size} were ended, ${counts(Outcome.OUTCOME_DELETED)} reported`);

      const left = await table.search({ filter: DOOMED, context: CONTEXT, limit: 100_000 });
      const strangers = left.rows.filter((flow) => !plannedNames.has(nameOf(flow)));
      const spared = new Set(strangers.map(nameOf));
      const sparedTwins = reborn.filter((twin) => spared.has(nameOf(twin))).length;
      if (sparedTwins < TWINS)
        throw new Error(
          `round ${round}: ${TWINS - sparedTwins} flows were ended that were born since the plan, with the tuple of a planned one`,
        );
      report.sparedTwins += sparedTwins;
      report.sameIds += reborn.filter((twin) => planned.some(({ id, orig }) => id === twin.id && orig.src === twin.orig.src)).length;
      report.sparedStrangers += strangers.length - sparedTwins;
      report.planned += planned.length;
      report.deleted += counts(Outcome.OUTCOME_DELETED) + counts(Outcome.OUTCOME_REAPPEARED);
      report.gone += counts(Outcome.OUTCOME_GONE);
      namespace.run('conntrack', '-D', '-m', `${TWIN_MARK}/0xffffffff`);
    }
    report.seconds = (performance.now() - beganMs) / 1000;
    report.born = Number(await churn.conclude());
    report.bornPerSecond = report.born / report.seconds;
    return report;
  } finally {
    await churn.end();
    ends.close();
    journal.close();
    await table.close();
    leave();
    namespace.remove();
    rmSync(folder, { recursive: true });
  }
}

/** What this process ended, according to the kernel's events. Throws if one was lost, because nothing would be proved then. */
class EndsByUs {
  readonly #socket = new NetlinkSocket(NETLINK_NETFILTER, {
    receiveBuffer: 256 << 20,
    sendBuffer: 4096,
    groups: [NFNLGRP_CONNTRACK_DESTROY],
  });
  readonly #block = new Uint8Array(65_536);

  /** Since the previous read. */
  read(): Named[] {
    const ended: Named[] = [];
    while (this.#socket.hasMessages()) {
      const length = this.#socket.receive(this.#block)!;
      for (let at = 0; at < length;) {
        const end = at + messageLength(this.#block.subarray(0, length), at);
        if (hostU16(this.#block, at + 4) === CT_DELETE && isOwnPort(hostU32(this.#block, at + 12))) {
          const { startedAtNs, ...entry } = decodeEntry(this.#block.subarray(at + NLMSG_HEADER_LENGTH, end));
          ended.push({ ...entry, startedAtMs: Number(startedAtNs! / 1_000_000n) });
        }
        at += align4(end - at);
      }
    }
    return ended;
  }

  close(): void {
    this.#socket.close();
  }
}

/** Its start time too, because an id and a tuple may recur together. */
type Named = Pick<Flow, 'id' | 'orig' | 'startedAtMs'>;

function nameOf({ id, orig, startedAtMs }: Named): string {
  return `${id} of ${startedAtMs}, ${orig.src}:${orig.sport} > ${orig.dst}:${orig.dport}`;
}
