import type { Remediation as WireRemediation } from '../../proto/gen/ctfleet/v1/remediation.ts';
import type { Wan } from '../wans/wans.ts';
import { Disk } from '../disk/disk.ts';
import { look, reportNotUnderstood, reportUntouched } from './evaluate.ts';
import { RemediationSet } from './remediation-set.ts';
import { RunHistory } from './run-history.ts';
import { remediationsFolder } from './run-log.ts';
import type { RunReports } from './run-reports.ts';
import { recover, type RunHands } from './run.ts';
import { TriggerMonitor, type Case, type Due } from './trigger-monitor.ts';

/** Limits on what a gateway accepts; real ones have a handful of remediations of a page each. */
const MAX_REMEDIATIONS = 500;
const MAX_DOCUMENT = 65_536;
const MAX_DIGEST = 64;
const NONE = Buffer.alloc(0);

/** The longest sleep, whatever it waits for: otherwise a change of the clock could keep it asleep. */
const MAX_SLEEP_MS = 60_000;

export interface RemediationDependencies extends Omit<RunHands, 'history'> {
  stateDir: string;
  disk?: Disk;
  /** Of `runs`. */
  reports: RunReports;
  /** Called when a report is ready to be sent. */
  onReport: () => void;
  /** Called with each run that was about a WAN. */
  onRun?: (wan: string, runId: string) => void;
}

/** Remediations that this gateway runs autonomously, with or without the controller: stores, triggers, executes and reports them. */
export class Remediations {
  readonly #deps: RemediationDependencies;
  readonly #hands: RunHands;
  readonly #set: RemediationSet;
  readonly #monitor = new TriggerMonitor();
  readonly #underWay = new Set<Promise<void>>();
  #wake = new AbortController();
  #digest: Buffer = NONE;

  constructor(deps: RemediationDependencies) {
    this.#deps = deps;
    const directory = remediationsFolder(deps.stateDir);
    const { disk = new Disk() } = deps;
    this.#hands = { ...deps, history: new RunHistory(directory, deps.clock.now(), disk) };
    this.#set = new RemediationSet(directory, disk);
  }

  /** Remediations that this agent does not understand, with the reason; reported with its capabilities. */
  cannot(): Record<string, string> {
    return Object.fromEntries(this.#set.refused.map(({ id, name, why }) => [`remediation ${id}`, `“${name}” is not run here: ${why}.`]));
  }

  /** What the controller calls the set that is in force; empty after a start, until it has sent one. */
  get digest(): Buffer {
    return this.#digest;
  }

  /** Replaces all remediations by those the controller sent. One that is not understood is reported; the others apply. */
  replace(set: readonly WireRemediation[], digest: Buffer = NONE): void {
    const { log } = this.#deps;
    if (set.length > MAX_REMEDIATIONS || set.some(({ id, document }) => id.length > 64 || document.length > MAX_DOCUMENT)) {
      log.error({ remediations: set.length }, 'remediations exceed the limits of a gateway; the previous ones stay in force');
      return;
    }
    const before = new Set(this.#set.refused.map(({ id, revision }) => `${id} ${revision}`));
    try {
      this.#set.replace(set);
    } catch (error) {
      log.error({ err: error }, 'remediations could not be stored; the previous ones stay in force');
      return;
    }
    this.#digest = digest.length <= MAX_DIGEST ? digest : NONE;
    for (const refused of this.#set.refused) {
      log.warn({ remediation: refused.name, why: refused.why }, 'a remediation was not understood');
      if (!before.has(`${refused.id} ${refused.revision}`)) this.#report(() => reportNotUnderstood(this.#hands, refused));
    }
    this.#wake.abort();
  }

  observeWans(wans: readonly Wan[]): void {
    this.#monitor.observeWans(wans, this.#deps.clock.now());
    this.#wake.abort();
  }

  /** Called with each sample; without a maximum there is no usage. */
  observeUsage(count: number, max: number | undefined): void {
    if (max === undefined || max === 0) return;
    this.#monitor.observeUsage((100 * count) / max);
    this.#wake.abort();
  }

  /** The controller has acknowledged a run. */
  acknowledge(runId: string): void {
    this.#deps.reports.received(runId);
  }

  /**
   * Resumes what a crash interrupted, then watches until the signal aborts, and waits for what is in progress; then the log of runs is
   * closed.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    for (const id of await recover(this.#hands)) this.#report(() => id);
    while (!signal.aborted) {
      this.#wake = new AbortController();
      const { due, nextMs } = this.#monitor.due(this.#set.remediations, clock.now());
      for (const one of due) this.#act(one);
      const sleepMs = Math.min(MAX_SLEEP_MS, Math.max(0, (nextMs ?? Infinity) - clock.now()));
      await clock.delay(sleepMs, AbortSignal.any([signal, this.#wake.signal]));
    }
    await Promise.all(this.#underWay);
    this.#hands.runs.close();
  }

  #act({ case: one, step }: Due): void {
    if (step.kind === 'look') {
      const underWay = this.#look(one).finally(() => {
        this.#underWay.delete(underWay);
        this.#wake.abort();
      });
      this.#underWay.add(underWay);
    } else {
      this.#reportUntouched(one, step.kind === 'over' ? 'nothing' : step);
    }
  }

  /** Never rejects: an error here must not end the watch. */
  async #look(one: Case): Promise<void> {
    const { clock, log } = this.#deps;
    const { remediation, firing } = one;
    this.#monitor.begin(one, clock.now());
    let isDone = false;
    try {
      const result = await look(this.#hands, remediation, firing, () => this.#monitor.stillHolds(one));
      isDone = result.kind === 'reported';
      if (result.kind === 'reported') {
        this.#monitor.claimReport(one, 'run');
        this.#report(() => result.runId);
        if (firing.wan !== undefined) this.#deps.onRun?.(firing.wan, result.runId);
      } else if (result.kind === 'refused') {
        this.#reportUntouched(one, result);
      } else if (firing.looks !== 'until-found') {
        this.#reportUntouched(one, 'nothing');
      }
    } catch (error) {
      log.error({ err: error, remediation: remediation.document.name }, 'a remediation could not check the table');
    }
    this.#monitor.end(one, isDone, firing.steps, clock.now());
  }

  #reportUntouched(one: Case, why: Parameters<typeof reportUntouched>[3]): void {
    if (!this.#monitor.claimReport(one, why === 'nothing' ? why : why.code)) return;
    this.#report(() => reportUntouched(this.#hands, one.remediation, one.firing, why));
  }

  /** A report that cannot be written is lost; nothing else is affected. */
  #report(make: () => string): void {
    try {
      this.#deps.reports.add(make());
      this.#deps.onReport();
    } catch (error) {
      this.#deps.log.error({ err: error }, 'a remediation report could not be stored');
    }
  }
}
