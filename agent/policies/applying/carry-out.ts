import type { ChangeSet, SettingStep } from './change-set.ts';
import { isAsWritten } from './change-set.ts';
import type { PolicyKernel } from './kernel.ts';
import { holdsTable, isSameTable } from './table-match.ts';

/** Carries a change out. Throws at the first step that fails, or if what is read back is not what was written. */
export async function carryOut({ settings, table }: ChangeSet, kernel: PolicyKernel): Promise<void> {
  for (const { setting, to } of settings) kernel.set(setting, to);
  if (table) await kernel.replaceTable(table.to, { keeping: true });
  const wrong = [
    ...wrongSettings(settings, 'to', kernel),
    ...(table && !holdsTable((await kernel.table())?.table, table.to) ? ['the table inet ctfleet_policy is not as it was made'] : []),
  ];
  if (wrong.length > 0) throw new Error(`what was read back is not what was set: ${wrong.join('; ')}`);
}

/**
 * Puts everything back as it was before a change, however much of that was carried out; what is so already is not touched. The table comes
 * first: it is what cuts people off. All steps are tried; throws what is not as it was after them.
 */
export async function restore({ settings, table }: ChangeSet, kernel: PolicyKernel): Promise<void> {
  const failures: string[] = [];
  const attempt = async (work: () => Promise<void> | void): Promise<void> => {
    try {
      await work();
    } catch (error) {
      failures.push((error as Error).message);
    }
  };
  if (table)
    await attempt(async () => {
      if (!isSameTable((await kernel.table())?.table, table.from)) await kernel.replaceTable(table.from);
      if (!isSameTable((await kernel.table())?.table, table.from)) failures.push('the table inet ctfleet_policy is not as it was');
    });
  for (const { setting, from } of settings.toReversed())
    await attempt(() => {
      if (kernel.settings()[setting] !== from) kernel.set(setting, from);
    });
  await attempt(() => void failures.push(...wrongSettings(settings, 'from', kernel)));
  if (failures.length > 0) throw new Error([...new Set(failures)].join('; '));
}

function wrongSettings(steps: readonly SettingStep[], side: 'from' | 'to', kernel: PolicyKernel): string[] {
  if (steps.length === 0) return [];
  const found = kernel.settings();
  return steps
    .filter(({ setting, [side]: value }) => !isAsWritten(setting, value, found[setting]))
    .map(({ setting, [side]: value }) => `${setting} is ${found[setting] ?? 'not there'} instead of ${value}`);
}
