'use client';

import { IconTrash } from '@tabler/icons-react';
import { useTenantInScope } from '../../lib/scope.ts';
import { Button } from '../../ui/button.tsx';
import { count, counted } from '../../../client/words/format.ts';
import type { Selection } from './selection.ts';

interface SelectionBarProps {
  selection: Selection;
  total: number;
  refusal: string | undefined;
  /** Why all matching flows cannot be selected. */
  matchingRefusal: string | undefined;
  onMatching(): void;
  onClear(): void;
  onDelete(): void;
}

/** What is selected, and the button for a plan of it. It has its own line, so that rows never jump under the pointer. */
export function SelectionBar({ selection, total, refusal, matchingRefusal, onMatching, onClear, onDelete }: SelectionBarProps) {
  const tenant = useTenantInScope();
  const isMatching = selection.kind === 'matching';
  const chosen = isMatching ? total : selection.rows.size;
  return (
    <div className={`selbar ${chosen > 0 ? 'is-on' : ''}`} role="region" aria-label="Selection">
      <b>{tenant?.name ?? 'All tenants'}</b>
      {chosen === 0 && !isMatching ? (
        <span className="dim">
          nothing selected: <kbd>x</kbd> selects a row, <kbd>a</kbd> all that are loaded
        </span>
      ) : (
        <span>
          <b>{count(chosen)}</b> {isMatching ? 'that match are selected' : 'selected'}
        </span>
      )}
      {!isMatching && total > 0 && matchingRefusal === undefined && (
        <>
          <span className="dim">·</span>
          <button type="button" className="link strong" onClick={onMatching}>
            Select all {count(total)} matching
          </button>
        </>
      )}
      <span className="grow" />
      {chosen > 0 && (
        <Button kind="quiet" onClick={onClear} keys="Esc">
          Clear
        </Button>
      )}
      <Button
        kind="danger-line"
        icon={IconTrash}
        keys="d"
        onClick={onDelete}
        refusal={chosen === 0 ? 'Select flows first, or all that match.' : refusal}
      >
        {chosen === 0 ? 'Delete selected…' : `Delete ${counted(chosen, 'flow')}…`}
      </Button>
    </div>
  );
}
