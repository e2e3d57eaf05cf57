import { statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { routes } from '../../proto/http/routes.ts';
import { residentBytes } from './fleet-cost.ts';
import { at } from './fleet-report.ts';
import { answeringMeanwhile, type FleetStage } from './fleet-stage.ts';

const STREAM_MS = 30_000;
const MEMORY_LOOK_MS = 20;
const TOLD_MS = 60_000;
const MB = 1e6;

/** From saving a remediation until every agent has it on its disk. */
export async function remediationRows(stage: FleetStage): Promise<void> {
  const { system, report, size, options } = stage;
  const files = system.placed.map(({ stateDir }) => path.join(stateDir, 'remediations/set.json'));
  const began = performance.now();
  const savedAt = Date.now();
  const { items } = await system.api.call(routes.listBuiltInRemediations);
  const { document } = items.find(({ key }) => key === 'wan-down')!;
  const { id } = await system.api.call(routes.createRemediation, { body: { document: { ...document, name: 'A benchmark’s' } } });
  let left = files;
  while (left.length > 0 && performance.now() - began < TOLD_MS) {
    left = left.filter((file) => changedAt(file) < savedAt);
    await delay(20);
  }
  const ms = performance.now() - began;
  await system.api.call(routes.deleteRemediation, { params: { id } });
  report.row({ name: 'a remediation saved, ms until all agents have it', size, ours: ms, target: 10_000 });
  report.row({ name: 'agents that have it', size, ours: files.length - left.length, target: options.gateways, isAtLeast: true });
}

function changedAt(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** What an open console is sent: by the list of gateways at its beginning, and by its stream. */
export async function overviewRows(stage: FleetStage): Promise<void> {
  const { report, size, options } = stage;
  const began = performance.now();
  const list = await stage.fetch(`/api/v1/gateways?limit=${Math.min(2000, options.gateways)}`);
  const listBytes = (await list.arrayBuffer()).byteLength;
  report.row({ name: 'overview, ms to its first figures (API)', size, ours: performance.now() - began, target: 1500 });
  report.row({ name: 'overview, KB of its first figures', size, ours: listBytes / 1000 });
  const { value: bytes, shares } = await stage.measured(() => streamed(stage));
  report.row({ name: 'overview, KB a second on its stream', size, ours: bytes / STREAM_MS, target: 100 });
  report.row({ name: 'overview, cores used by controller while one is open', size, ours: shares.controller });
}

/** Bytes that the stream sends within its time, without the first second. */
async function streamed(stage: FleetStage): Promise<number> {
  const abort = new AbortController();
  const response = await stage.fetch('/api/v1/events', abort.signal);
  let bytes = 0;
  const reading = (async () => {
    for await (const chunk of response.body!) bytes += (chunk as Uint8Array).byteLength;
  })().catch(() => undefined);
  await delay(1000);
  bytes = 0;
  await delay(STREAM_MS);
  const counted = bytes;
  abort.abort();
  await reading;
  return counted;
}

/** One scrape by Prometheus, and what the controller's memory grows by meanwhile. */
export async function metricsRows(stage: FleetStage): Promise<void> {
  const { report, size, options, system } = stage;
  const pid = system.controller.pid!;
  const times: number[] = [];
  let [bytes, most] = [0, 0];
  for (let run = 0; run < 3; run++) {
    const before = residentBytes(pid);
    const began = performance.now();
    const scrape = stage.fetch('/metrics').then(async (response) => {
      if (!response.ok) throw new Error(`/metrics: ${response.status}`);
      bytes = (await response.arrayBuffer()).byteLength;
      times.push(performance.now() - began);
    });
    await answeringMeanwhile(async () => {
      most = Math.max(most, residentBytes(pid) - before);
      await delay(MEMORY_LOOK_MS);
    }, scrape);
    await scrape;
  }
  report.row({ name: '/metrics, ms, median', size, ours: at(times, 50), target: options.gateways > 1000 ? 3000 : 500 });
  report.row({ name: '/metrics, MB that the controller grows by', size, ours: most / MB, target: 150 });
  report.row({ name: '/metrics, MB of text', size, ours: bytes / MB });
}
