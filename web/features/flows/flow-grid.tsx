'use client';

import { useTable } from '@tanstack/react-table';
import { useVirtualizer } from '@tanstack/react-virtual';
import { IconCheck } from '@tabler/icons-react';
import { useEffect, useMemo, useRef, useState, type KeyboardEvent } from 'react';
import type { FlowRow } from '../../../proto/http/flows.ts';
import { useRowLink, type RowTarget } from '../../ui/list.tsx';
import { columnsOf, features, LAYOUT } from './columns.tsx';
import { rowKey } from '../../../client/words/flow-words.ts';
import { isSelected, type Selection } from './selection.ts';
import type { SortBy } from './use-view.ts';

interface FlowGridProps {
  rows: FlowRow[];
  total: number;
  /** Place of the first loaded row among all matches. */
  firstRow: number;
  isLoading: boolean;
  isStale: boolean;
  snapshotAtMs: number | undefined;
  current: number;
  openKey: string | null;
  isEnded(key: string): boolean;
  selection: Selection;
  sort: { field: SortBy; descending: boolean } | undefined;
  nameOf(gatewayId: string): string;
  onCurrent(index: number): void;
  targetOf(row: FlowRow): RowTarget;
  onSelect(index: number, isRange: boolean): void;
  onSelectAll(): void;
  onSort(field: SortBy): void;
  onNearEnd(): void;
}

const ROW = 26;
const COLUMNS = Object.keys(LAYOUT);
const TEMPLATE = Object.values(LAYOUT)
  .map(({ width }) => width)
  .join(' ');

/**
 * The table of flows: an ARIA grid with one tab stop. The focused cell is its active descendant; arrows, Home, End and Page keys move it,
 * including onto the heads (row -1), where Enter sorts. Only the visible rows are in the document; aria-rowcount gives their total.
 */
export function FlowGrid(props: FlowGridProps) {
  const {
    rows,
    total,
    firstRow,
    isLoading,
    isStale,
    snapshotAtMs,
    current,
    openKey,
    isEnded,
    selection,
    sort,
    nameOf,
    onCurrent,
    targetOf,
    onSelect,
    onSelectAll,
    onSort,
    onNearEnd,
  } = props;
  const rowLink = useRowLink();
  const scroller = useRef<HTMLDivElement>(null);
  const [column, setColumn] = useState(1);
  const columns = useMemo(() => columnsOf(nameOf, snapshotAtMs), [nameOf, snapshotAtMs]);
  const table = useTable({ features, columns, data: rows, getRowId: rowKey });
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 12,
    scrollPaddingStart: 28,
  });
  const items = virtualizer.getVirtualItems();
  const lastIndex = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (rows.length > 0 && lastIndex >= rows.length - 40) onNearEnd();
  }, [lastIndex, rows.length, onNearEnd]);
  useEffect(() => {
    if (current >= 0 && current < rows.length) virtualizer.scrollToIndex(current);
  }, [current, rows.length, virtualizer]);

  function onKeyDown(event: KeyboardEvent): void {
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? ROW) / ROW) - 2);
    const to: Record<string, number> = {
      ArrowDown: current + 1,
      ArrowUp: current - 1,
      PageDown: current + page,
      PageUp: Math.max(0, current - page),
      ...(event.ctrlKey && { Home: 0, End: rows.length - 1 }),
    };
    const across: Record<string, number> = {
      ArrowRight: column + 1,
      ArrowLeft: column - 1,
      ...(!event.ctrlKey && { Home: 0, End: COLUMNS.length - 1 }),
    };
    const id = COLUMNS[column]!;
    if (event.key in to) onCurrent(Math.min(rows.length - 1, Math.max(-1, to[event.key]!)));
    else if (event.key in across) setColumn(Math.min(COLUMNS.length - 1, Math.max(0, across[event.key]!)));
    else if (event.key === 'Enter' && current < 0) {
      if (id === 'select') onSelectAll();
      else if (LAYOUT[id]!.sort) onSort(LAYOUT[id]!.sort);
    } else if (event.key === 'Enter' && rows[current]) targetOf(rows[current]).open?.();
    else if (event.key === ' ' && current < 0 && id === 'select') onSelectAll();
    else if (event.key === ' ' && rows[current]) onSelect(current, event.shiftKey);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  return (
    <div
      ref={scroller}
      className={`grid-scroll ${isStale ? 'stale' : ''}`}
      role="grid"
      tabIndex={0}
      aria-label="Flows"
      aria-rowcount={total + 1}
      aria-colcount={COLUMNS.length}
      aria-multiselectable
      aria-busy={isStale || isLoading}
      aria-activedescendant={current < rows.length ? `cell-${current}-${column}` : undefined}
      onKeyDown={onKeyDown}
      style={{ '--columns': TEMPLATE } as React.CSSProperties}
    >
      <div role="rowgroup" className="grid-head">
        <div role="row" aria-rowindex={1} className="grid-row">
          <div
            role="columnheader"
            id="cell--1-0"
            aria-colindex={1}
            className={current < 0 && column === 0 ? 'focus' : ''}
            onClick={onSelectAll}
          >
            <Check isOn={selection.kind === 'matching'} />
            <span className="sr">Selected</span>
          </div>
          {table.getHeaderGroups()[0]!.headers.map((header, index) => {
            const { sort: field, isNumber, title } = LAYOUT[header.id]!;
            const isSorted = field !== undefined && sort?.field === field && header.id !== 'down';
            return (
              <div
                key={header.id}
                role="columnheader"
                id={`cell--1-${index + 1}`}
                aria-colindex={index + 2}
                title={title}
                aria-sort={isSorted ? (sort.descending ? 'descending' : 'ascending') : undefined}
                className={`${isNumber ? 'num' : ''} ${field ? 'sortable' : ''} ${current < 0 && column === index + 1 ? 'focus' : ''}`}
                onClick={() => field && onSort(field)}
              >
                <table.FlexRender header={header} />
                {isSorted && (sort.descending ? ' ↓' : ' ↑')}
              </div>
            );
          })}
        </div>
      </div>
      <div role="rowgroup" style={{ height: virtualizer.getTotalSize(), position: 'relative' }}>
        {isLoading &&
          Array.from({ length: 16 }, (_, index) => (
            <div key={index} role="row" className="grid-row" style={{ transform: `translateY(${index * ROW}px)` }}>
              <div role="gridcell" style={{ gridColumn: '1 / -1' }}>
                <div className="skeleton" style={{ height: 14, marginTop: 5 }} />
              </div>
            </div>
          ))}
        {items.map(({ index, start }) => {
          const row = table.getRowModel().rows[index];
          if (!row) return null;
          const isChosen = isSelected(selection, row.original);
          const { onClick, ...link } = rowLink(targetOf(row.original));
          return (
            <div
              key={row.id}
              {...link}
              role="row"
              aria-rowindex={firstRow + index + 2}
              aria-selected={isChosen}
              className={`grid-row ${isChosen ? 'chosen' : ''} ${index === current ? 'current' : ''} ${row.id === openKey ? 'open' : ''} ${isEnded(row.id) ? 'ended' : ''}`}
              style={{ transform: `translateY(${start}px)` }}
              onClick={(event) => {
                onCurrent(index);
                if (event.shiftKey) onSelect(index, true);
                else onClick?.(event);
              }}
            >
              <div
                role="gridcell"
                id={`cell-${index}-0`}
                aria-colindex={1}
                className={index === current && column === 0 ? 'focus' : ''}
                onClick={(event) => {
                  event.stopPropagation();
                  onCurrent(index);
                  onSelect(index, event.shiftKey);
                }}
              >
                <Check isOn={isChosen} isOff={row.original.protectedBy !== undefined} />
              </div>
              {row.getAllCells().map((cell, at) => (
                <div
                  key={cell.id}
                  role="gridcell"
                  id={`cell-${index}-${at + 1}`}
                  aria-colindex={at + 2}
                  className={`${LAYOUT[cell.column.id]!.isNumber ? 'num' : ''} ${index === current && column === at + 1 ? 'focus' : ''}`}
                >
                  <table.FlexRender cell={cell} />
                </div>
              ))}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function Check({ isOn, isOff }: { isOn: boolean; isOff?: boolean }) {
  return (
    <span className={`check ${isOff ? 'off' : ''}`} data-on={isOn} aria-hidden>
      {isOn && <IconCheck stroke={3} />}
    </span>
  );
}
