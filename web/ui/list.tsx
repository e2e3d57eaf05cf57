'use client';

import { useState, type HTMLAttributes, type MouseEvent } from 'react';
import { useKey } from './keys.ts';
import { useGo, useNewTab } from '../lib/link.tsx';

type RowProps = Pick<HTMLAttributes<HTMLElement>, 'className' | 'onClick' | 'onAuxClick' | 'onMouseDown' | 'aria-current'>;

/** What a row leads to, and how it opens if not by navigating. */
export interface RowTarget {
  path: string;
  open?(): void;
}

/**
 * Makes rows links: a click anywhere on one, except on its own controls, acts like a click on a link to its path; a middle or Ctrl click
 * opens a tab. The row still needs a link or button of its own, for keyboards and screen readers.
 */
export function useRowLink(): (target: RowTarget) => RowProps {
  const go = useGo();
  const openTab = useNewTab();
  return ({ path, open }) => {
    const follow = (event: MouseEvent<HTMLElement>) => {
      if (event.defaultPrevented || event.button > 1 || isControl(event.target) || isSelecting()) return;
      if (event.button === 1 || event.ctrlKey || event.metaKey) openTab(path);
      else (open ?? (() => go(path)))();
    };
    // A middle press would start autoscroll.
    const onMouseDown = (event: MouseEvent) => {
      if (event.button === 1) event.preventDefault();
    };
    return { className: 'leads', onClick: follow, onAuxClick: follow, onMouseDown };
  };
}

interface ListOptions {
  current?: number;
  onCurrent?(index: number): void;
}

/** The main list of a page: `j` and `k` move a mark over its rows, Enter opens the marked one, and clicks work as in `useRowLink`. */
export function useList(
  targets: readonly RowTarget[],
  { current, onCurrent }: ListOptions = {},
): { at: number; row(index: number): RowProps } {
  const go = useGo();
  const rowLink = useRowLink();
  const [own, setOwn] = useState(0);
  const at = Math.min(current ?? own, Math.max(0, targets.length - 1));
  const move = (to: number) => {
    if (to >= 0 && to < targets.length) (onCurrent ?? setOwn)(to);
  };
  useKey('j,down', () => move(at + 1));
  useKey('k,up', () => move(at - 1));
  useKey('enter', () => {
    const target = targets[at];
    if (target) (target.open ?? (() => go(target.path)))();
  });
  return {
    at,
    row(index) {
      const link = rowLink(targets[index]!);
      return index === at ? { ...link, className: `${link.className} cur`, 'aria-current': 'true' } : link;
    },
  };
}

function isControl(target: EventTarget): boolean {
  return target instanceof Element && target.closest('a, button, input, select, label, summary') !== null;
}

/** True if text on the page is selected: the click that ended the selection must do nothing else. */
function isSelecting(): boolean {
  return window.getSelection()?.type === 'Range';
}
