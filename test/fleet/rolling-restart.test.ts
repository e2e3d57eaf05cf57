import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startConsole } from '../../tools/demo/console.ts';
import { freePort } from '../../tools/free-port.ts';
import { ProcessGroup } from '../../tools/process-group.ts';
import { Fleet } from '../faults/system/fleet.ts';
import { launchChromium, signIn } from '../support/browser.ts';
import { Service, type Endpoint } from '../support/services.ts';
import { until } from '../support/system.ts';

const REPLICAS = ['replica-1', 'replica-2'] as const;
const GATEWAYS = 6;
const PAGES = ['Connections', 'Flushes', 'Sites', 'Overview'];
/** How often a load balancer asks who is ready. */
const PROBE_MS = 200;
/** As long as a load balancer with such probes needs, and some more. */
const DRAIN_SECONDS = 2;

const stateDir = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-rolling-'));
const family = new ProcessGroup();
const probing = new AbortController();
let fleet: Fleet;
let balancer: Service;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  const [consolePort, balancerPort] = [await freePort(), await freePort()];
  const consoleUrl = `http://127.0.0.1:${consolePort}`;
  const home = { family, stateDir };
  const controllerEnv = {
    CTFLEET_PUBLIC_URL: consoleUrl,
    CTFLEET_SAMPLE_INTERVAL_MS: '2000',
    CTFLEET_DRAIN_SECONDS: String(DRAIN_SECONDS),
  };
  fleet = await Fleet.start({ home, controllers: REPLICAS, gateways: GATEWAYS, slots: 10, controllerEnv });
  balancer = await balance(fleet.parts.origins, balancerPort);
  await startConsole(home, consolePort, `http://127.0.0.1:${balancerPort}`, false);
  browser = await launchChromium();
  page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  page.setDefaultTimeout(60_000);
  await signIn(page, consoleUrl, fleet.parts);
});
afterAll(async () => {
  probing.abort();
  balancer?.close();
  fleet?.parts.proxy.close();
  await browser?.close();
  await family.end();
  rmSync(stateDir, { recursive: true, force: true });
});

/** Leads to those that say that they are ready. */
async function balance(origins: readonly string[], port: number): Promise<Service> {
  const ready = new Map<string, Endpoint>();
  const probe = async (origin: string): Promise<void> => {
    const { hostname, port: own } = new URL(origin);
    const answer = await fetch(`${origin}/readyz`, { signal: AbortSignal.timeout(1000) }).catch(() => undefined);
    if (answer?.ok) ready.set(origin, { host: hostname, port: Number(own) });
    else ready.delete(origin);
  };
  const probeAll = async (): Promise<void> => {
    await Promise.all(origins.map(probe));
    if (!probing.signal.aborted) setTimeout(() => void probeAll(), PROBE_MS).unref();
  };
  await probeAll();
  return Service.listen(port, () => [...ready.values()]);
}

/** Keeps every error that the page shows, for however short. */
async function watchForErrors(): Promise<() => Promise<string[]>> {
  await page.evaluate(() => {
    const seen = new Set<string>();
    const look = (): void => {
      for (const element of document.querySelectorAll<HTMLElement>('[role=alert]')) if (element.innerText) seen.add(element.innerText);
      if (document.body.innerText.includes('The controller does not answer')) seen.add('The controller does not answer');
    };
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
    Object.assign(globalThis, { seenErrors: seen });
  });
  return () => page.evaluate(() => [...(globalThis as unknown as { seenErrors: Set<string> }).seenErrors]);
}

const live = (): Promise<unknown> => page.getByLabel('Live updates: Live').waitFor();

it('a console that is open and used while two replicas are restarted in turn shows no error, and is live afterwards', async () => {
  await live();
  const errors = await watchForErrors();
  let isOver = false;
  const walk = async (): Promise<number> => {
    for (let pages = 0; ; pages += PAGES.length) {
      if (isOver) return pages;
      for (const name of PAGES) {
        await page.getByRole('navigation').getByRole('link', { name }).first().click();
        await page.getByRole('heading', { level: 1 }).waitFor();
        await expect.poll(() => page.getByLabel('Loading').count(), { timeout: 60_000 }).toBe(0);
      }
    }
  };
  const restart = async (): Promise<void> => {
    for (const name of REPLICAS) {
      await fleet.parts.signal(name, 'SIGTERM');
      await fleet.parts.restart(name);
    }
    isOver = true;
  };
  const [pages] = await Promise.all([walk(), restart()]);
  expect(pages).toBeGreaterThan(0);
  await live();
  expect(await errors()).toEqual([]);
  await until('every gateway is shown as online', async () => (await page.getByText(`${GATEWAYS} online`).count()) > 0);
});
