import { launchChromium, keepScreenshot } from '../support/browser.ts';
import { startConsole } from '../browser/console-server.ts';

const RUNS = 5;

/**
 * Milliseconds from navigation to the first figures of the built console in Chromium, with an empty cache: the median of several. Keeps a
 * picture of the overview and of the list in both themes.
 */
export async function firstFigures(apiUrl: string, cookie: string, name: string): Promise<number> {
  const web = await startConsole(apiUrl);
  const browser = await launchChromium();
  const open = async (colorScheme: 'light' | 'dark') => {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme });
    const cookies = cookie.split('; ').map((one) => ({ name: one.split('=')[0]!, value: one.slice(one.indexOf('=') + 1), url: web.url }));
    await context.addCookies(cookies);
    const page = await context.newPage();
    const began = performance.now();
    await page.goto(web.url, { waitUntil: 'commit' });
    await page.locator('.counters .v').first().waitFor();
    return { page, ms: performance.now() - began, close: () => context.close() };
  };
  try {
    const times: number[] = [];
    for (let run = 0; run < RUNS; run++) {
      const { ms, close } = await open('light');
      times.push(ms);
      await close();
    }
    for (const theme of ['light', 'dark'] as const) {
      const { page, close } = await open(theme);
      await page.waitForLoadState('networkidle', { timeout: 5000 }).catch(() => undefined);
      await keepScreenshot(page, `${name}-overview-${theme}`);
      await page.goto(`${web.url}/sites`, { waitUntil: 'commit' });
      await page.locator('table.sites tbody tr').first().waitFor();
      await keepScreenshot(page, `${name}-sites-${theme}`);
      await close();
    }
    return times.toSorted((a, b) => a - b)[Math.floor(RUNS / 2)]!;
  } finally {
    await browser.close();
    web.close();
  }
}
