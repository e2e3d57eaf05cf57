'use client';

import { useLocalStorage } from '@mantine/hooks';
import { useHotkeys } from 'react-hotkeys-hook';

/** Whether keys without a modifier act; they can be switched off (WCAG 2.1.4). */
export function useSingleKeys() {
  return useLocalStorage<boolean>({ key: 'ctfleet-single-keys', defaultValue: true });
}

/**
 * Runs `action` on a key, except while typing or behind an open sheet or menu. Alternative keys are separated by commas; `g>o` is a
 * sequence.
 */
export function useKey(keys: string, action: (event: KeyboardEvent) => void, isOn = true): void {
  const [singleKeys] = useSingleKeys();
  useHotkeys(
    keys,
    action,
    {
      useKey: !keys.includes('>'),
      enabled: isOn && singleKeys,
      preventDefault: true,
      ignoreEventWhen: (event) =>
        document.querySelector('[role="dialog"][aria-modal="true"], [role="menu"]') !== null ||
        (event.key === 'Enter' && isControl(event.target)),
    },
    [action],
  );
}

/** Enter on a focused link or button belongs to it. */
function isControl(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest('a, button, summary, [role="grid"]') !== null;
}
