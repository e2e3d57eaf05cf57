import type { Wan } from '../wans/wans.ts';
import { nextStep, type NextStep, type Progress, type World } from './next-step.ts';
import { firingsOf, pressureOf, type Firing, type Pressure } from './firings.ts';
import type { GatewayRemediation } from './remediation-set.ts';
import { followWan, hasHealthyTarget, hasOtherWan, type WanState } from '../wans/health.ts';

/** A firing of a remediation, and the progress of handling it. */
export interface Case {
  remediation: GatewayRemediation;
  firing: Firing;
  progress: Progress;
}

/** A case and what to do about it; `over` means that it ended although no check found anything. */
export interface Due {
  case: Case;
  step: Exclude<NextStep, { kind: 'wait' }> | { kind: 'over' };
}

const NEW: Progress = { looks: 0, lookedAtMs: 0, change: 0, said: new Set(), isBusy: false };

/**
 * Matches the observed state of the WANs and the table's usage against the remediations, and decides what is due. Time is passed with each
 * call.
 */
export class TriggerMonitor {
  readonly #states = new Map<string, WanState>();
  readonly #pressures = new Map<string, Pressure>();
  readonly #cases = new Map<string, Case>();
  /** Since when, by WAN, no other WAN works and has the default route. */
  readonly #noTargetSinceMs = new Map<string, number>();
  #change = 0;
  #percent: number | undefined;

  /** Takes the current state of all WANs; each call counts as a change, which prompts another check. */
  observeWans(wans: readonly Wan[], nowMs: number): void {
    this.#change++;
    for (const wan of wans) this.#states.set(wan.name, followWan(this.#states.get(wan.name), wan, nowMs));
    for (const name of this.#states.keys()) {
      if (hasHealthyTarget(this.#wans(), name)) this.#noTargetSinceMs.delete(name);
      else if (!this.#noTargetSinceMs.has(name)) this.#noTargetSinceMs.set(name, nowMs);
    }
  }

  /** Takes the table's usage from a sample. */
  observeUsage(percent: number): void {
    this.#percent = percent;
  }

  /** What to do now, and the latest time to ask again if nothing changes. */
  due(remediations: readonly GatewayRemediation[], nowMs: number): { due: Due[]; nextMs?: number } {
    const due = this.#follow(remediations, nowMs).map((one): Due => ({ case: one, step: { kind: 'over' } }));
    const times: number[] = [];
    for (const one of this.#cases.values()) {
      const step = nextStep(one.firing, one.progress, one.remediation, this.#worldOf(one, nowMs));
      if (step.kind !== 'wait') due.push({ case: one, step });
      else if (step.untilMs !== undefined) times.push(step.untilMs);
    }
    return { due, nextMs: times.length > 0 ? Math.min(...times) : undefined };
  }

  /** A check of the case begins. */
  begin({ progress }: Case, nowMs: number): void {
    Object.assign(progress, { isBusy: true, looks: progress.looks + 1, lookedAtMs: nowMs, change: this.#change });
  }

  /** The check has finished; `isDone` if what it found was reported. */
  end({ progress, firing, remediation }: Case, isDone: boolean, steps: number, nowMs: number): void {
    Object.assign(progress, { isBusy: false, lookedAtMs: nowMs });
    const goesOn = firing.looks === 'while-it-holds' && remediation.document.mode === 'auto';
    if ((isDone && !goesOn) || firing.looks === 'once') progress.doneAt = steps;
  }

  /** True the first time for each thing to report about a firing. */
  claimReport({ progress }: Case, what: string): boolean {
    if (progress.said.has(what)) return false;
    progress.said = new Set([...progress.said, what]);
    return true;
  }

  /** Whether a run in progress may continue: its firing lasts, its mode is unchanged and its conditions hold. */
  stillHolds({ remediation, firing }: Case): boolean {
    const { mode, conditions } = remediation.document;
    return (
      this.#cases.get(keyOf(remediation, firing))?.remediation.document.mode === mode &&
      (!conditions.healthyTarget || hasHealthyTarget(this.#wans(), firing.wan))
    );
  }

  /** Carries over the cases that are still firing, and returns those that ended without anything having been reported about them. */
  #follow(remediations: readonly GatewayRemediation[], nowMs: number): Case[] {
    const before = new Map(this.#cases);
    const wanted = new Set(remediations.map(idOf));
    this.#cases.clear();
    for (const remediation of remediations) {
      for (const firing of firingsOf(
        remediation.document.trigger,
        [...this.#states.values()],
        this.#pressureOf(remediation, nowMs),
        nowMs,
      )) {
        const key = keyOf(remediation, firing);
        const known = before.get(key);
        // The mode can change without a new revision: by a rule that holds it back, or by the second person's approval. What was started in
        // another mode does not continue.
        const isSame = known?.remediation.document.mode === remediation.document.mode;
        this.#cases.set(
          key,
          known && isSame ? Object.assign(known, { remediation, firing }) : { remediation, firing, progress: { ...NEW } },
        );
        before.delete(key);
      }
    }
    for (const id of this.#pressures.keys()) if (!wanted.has(id)) this.#pressures.delete(id);
    return [...before.values()].filter(
      ({ remediation, progress: { looks, said, isBusy } }) => looks > 0 && said.size === 0 && !isBusy && wanted.has(idOf(remediation)),
    );
  }

  #pressureOf(remediation: GatewayRemediation, nowMs: number): Pressure | undefined {
    const { trigger } = remediation.document;
    const id = idOf(remediation);
    if (trigger.kind !== 'table-usage' || this.#percent === undefined) return undefined;
    const pressure = pressureOf(this.#pressures.get(id), this.#percent, trigger.abovePercent, nowMs);
    if (pressure) this.#pressures.set(id, pressure);
    else this.#pressures.delete(id);
    return pressure;
  }

  #worldOf({ firing }: Case, nowMs: number): World {
    const wans = this.#wans();
    const noTargetSinceMs = firing.wan === undefined ? undefined : this.#noTargetSinceMs.get(firing.wan);
    return {
      nowMs,
      change: this.#change,
      hasHealthyTarget: hasHealthyTarget(wans, firing.wan),
      noTargetSinceMs,
      hasOtherWan: hasOtherWan(wans, firing.wan),
    };
  }

  #wans(): Wan[] {
    return [...this.#states.values()].map(({ wan }) => wan);
  }
}

function idOf({ id, revision }: GatewayRemediation): string {
  return `${id} ${revision}`;
}

function keyOf(remediation: GatewayRemediation, { key }: Firing): string {
  return `${idOf(remediation)} ${key}`;
}
