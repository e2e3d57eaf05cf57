'use client';

import './flows.css';
import { useQuery } from '@tanstack/react-query';
import { IconTrash } from '@tabler/icons-react';
import { useCallback, useMemo, useState } from 'react';
import type { FlowRow } from '../../../proto/http/flows.ts';
import type { FilterProblem } from '../../../proto/model/filter/filter.ts';
import { matchesEverything } from '../../../proto/model/filter/everything.ts';
import { parseFilter } from '../../../proto/model/filter/parse.ts';
import { useRefusal } from '../../lib/controller/access.ts';
import * as queries from '../../lib/controller/queries.ts';
import { useScope, useTenantsInScope } from '../../lib/scope.ts';
import { toPlace } from '../../lib/scoped-path.ts';
import { Button, Segments } from '../../ui/button.tsx';
import { Failure } from '../../ui/feedback.tsx';
import { count } from '../../../client/words/format.ts';
import { useKey } from '../../ui/keys.ts';
import { useIntendedPlan } from '../flushes/intended-plan.ts';
import { PlanSheet } from '../flushes/plan-sheet.tsx';
import { usePlanRequest } from '../flushes/use-plan-request.ts';
import { AnswerLine, FillingBar } from './answer-line.tsx';
import { Facets } from './facets.tsx';
import { FilterBox } from './filter-box.tsx';
import { FlowGrid } from './flow-grid.tsx';
import { FlowPanel } from './flow-panel.tsx';
import { FlowsFoot } from './flows-foot.tsx';
import { rowKey } from '../../../client/words/flow-words.ts';
import { NothingFound } from './nothing-found.tsx';
import { QuickFilters } from './quick-filters.tsx';
import { SelectionBar } from './selection-bar.tsx';
import { added, extended, NOTHING, toggled, type Selection } from './selection.ts';
import { useFlowSearch } from './use-flow-search.ts';
import { requestFor, useEnding } from './use-ending.ts';
import { useView, viewPath, type SortBy } from './use-view.ts';

/** Gateways whose names the filter box completes. */
const MAX_OFFERED = 200;

/** Connections: which flows match, on all gateways in scope, and from there to a plan that ends exactly those. */
export function Connections() {
  const { ids, scope } = useScope();
  const [view, setView] = useView();
  const [typedProblem, setTypedProblem] = useState<FilterProblem>();
  const [selection, setSelection] = useState<Selection>(NOTHING);
  const [current, setCurrent] = useState(0);
  const asking = usePlanRequest();
  const ending = useEnding(asking.show);
  const { data: offered } = useQuery(queries.gateways({ ...toPlace(ids), limit: MAX_OFFERED }));
  const parsed = useMemo(() => parseFilter(view.filter), [view.filter]);
  const isGood = 'filter' in parsed;
  const question = useMemo(
    () => (isGood ? { filter: view.filter, scope, sort: view.sort ? { field: view.sort, descending: view.desc } : undefined } : undefined),
    [isGood, view.filter, scope, view.sort, view.desc],
  );
  const [shown, setShown] = useState(question);
  if (shown !== question) {
    setShown(question);
    setSelection(NOTHING);
    if (current > 0) setCurrent(0);
  }
  const search = useFlowSearch(question);
  const { rows } = search;
  const total = search.total ?? 0;
  const [followed, setFollowed] = useState<string>();
  // Rows that were held back stand between the others now: the current one stays the same.
  if (followed !== undefined && search.more === 0) {
    setFollowed(undefined);
    setCurrent(
      Math.max(
        0,
        rows.findIndex((row) => rowKey(row) === followed),
      ),
    );
  }
  const names = useMemo(() => new Map(search.gateways.map(({ id, name }) => [id, name])), [search.gateways]);
  const nameOf = useCallback((id: string) => names.get(id) ?? id.slice(-6), [names]);
  const openKey = view.open === 'only' && rows.length === 1 ? rowKey(rows[0]!) : view.open;
  const openEnding = ending.of(openKey);
  const open = rows.find((row) => rowKey(row) === openKey) ?? openEnding?.flow;
  const { data: openGateway } = useQuery({ ...queries.gateway(open?.gatewayId ?? ''), enabled: open !== undefined });
  useIntendedPlan(view.filter, asking.ask);
  const roleRefusal = useRefusal('plans.write', useTenantsInScope());
  const problem = typedProblem ?? ('problem' in parsed ? parsed.problem : undefined);
  const refusal = roleRefusal ?? (problem ? `The filter has a problem: ${problem.message}.` : undefined);
  /** Why all matching flows cannot be selected now: their number is unknown, outdated, or zero. */
  const notNow = search.error
    ? 'Refresh first: how many match now is not known.'
    : search.total === undefined || search.isOther || search.filling
      ? 'The gateways are being asked.'
      : total === 0
        ? 'Nothing matches.'
        : undefined;
  const isFilterEmpty = isGood && parsed.filter.kind === 'everything';
  const leavesNoneOut = useMemo(() => 'filter' in parsed && matchesEverything(parsed.filter), [parsed]);
  const everythingRefusal = isFilterEmpty
    ? 'Without a filter that is the whole table: use Delete all connections below.'
    : leavesNoneOut
      ? 'This filter leaves no flow out: take it away and use Delete all connections.'
      : undefined;

  const setFilter = (filter: string) => void setView({ filter });
  const select = (index: number, isRange: boolean) => {
    const row = rows[index];
    if (row) setSelection(isRange ? extended(selection, rows, index) : toggled(selection, row));
  };
  const askForMatching = () => asking.ask({ what: { filter: view.filter }, scope, expected: total });
  const askForSelection = () => {
    if (selection.kind === 'matching') askForMatching();
    else if (selection.rows.size > 0) asking.ask(requestFor([...selection.rows.values()]));
  };
  const endOpen = () => {
    if (open && !open.protectedBy && !refusal) ending.end(open);
  };

  const targetOf = (row: FlowRow) => ({
    path: viewPath('/connections', { ...view, open: rowKey(row) }),
    open: () => void setView({ open: rowKey(row) }),
  });
  const move = (to: number) => {
    search.hold();
    setCurrent(Math.min(rows.length - 1, Math.max(0, to)));
  };
  const showMore = () => {
    search.show();
    setFollowed(rows[current] && rowKey(rows[current]));
  };
  useKey('j', () => move(current + 1));
  useKey('k', () => move(current - 1));
  useKey('x', () => select(current, false));
  useKey('shift+x', () => select(current, true));
  useKey('a', () => setSelection(added(NOTHING, rows)));
  useKey('shift+a', () => {
    if (!notNow && !everythingRefusal) setSelection({ kind: 'matching' });
  });
  useKey('enter', () => {
    const row = rows[current];
    if (row) targetOf(row).open();
  });
  useKey('d', () => {
    if (refusal) return;
    if (selection.kind === 'matching' || selection.rows.size > 0) askForSelection();
    else endOpen();
  });
  useKey('escape', () => {
    if (openEnding?.kind === 'asking') ending.keep(openEnding);
    else if (view.open) void setView({ open: null });
    else setSelection(NOTHING);
  });
  useKey('y', () => void navigator.clipboard.writeText(window.location.href));

  return (
    <>
      <h1 className="sr">Connections</h1>
      <div className="filter">
        <div className="row">
          <FilterBox
            filter={isGood ? view.filter : ''}
            face={view.face}
            resolvedWans={resolvedIn(search.gateways)}
            onFilter={setFilter}
            onProblem={setTypedProblem}
            names={namesOf(offered?.items)}
          />
          <Segments
            label="Filter as"
            value={view.face}
            onChange={(face) => void setView({ face })}
            options={[
              { value: 'chips', text: 'Chips' },
              { value: 'text', text: 'Text' },
            ]}
          />
        </div>
        <div className="row filter-second">
          <QuickFilters filter={isGood ? view.filter : ''} onFilter={setFilter} />
          <AnswerLine
            gateways={search.gateways}
            filling={search.filling}
            more={search.more}
            onShow={showMore}
            isFetching={search.isFetching}
            failed={search.error && search.total !== undefined ? search.error : undefined}
            isOther={search.isOther}
            onRefresh={search.refresh}
          />
        </div>
      </div>
      <div className={`cols ${open ? 'has-panel' : ''}`}>
        <Facets facets={search.facets} gateways={search.gateways} filter={isGood ? view.filter : ''} onFilter={setFilter} />
        <section className="listcol" aria-label="Flows that match" onPointerMove={search.hold} onKeyDownCapture={search.hold}>
          <FillingBar filling={search.filling} />
          <SelectionBar
            selection={selection}
            total={total}
            refusal={refusal}
            matchingRefusal={everythingRefusal ?? notNow}
            onMatching={() => setSelection({ kind: 'matching' })}
            onClear={() => setSelection(NOTHING)}
            onDelete={askForSelection}
          />
          {'problem' in parsed && (
            <div className="pad">
              <p className="note red">
                The filter in this page’s address does not parse: <span className="mono">{view.filter}</span>. {parsed.problem.message}.
                Nothing was searched.
              </p>
            </div>
          )}
          {search.error && search.total === undefined ? (
            <div className="pad grid-scroll">
              <Failure what="The tables could not be read" error={search.error} onRetry={search.refresh} />
            </div>
          ) : rows.length === 0 && !search.isLoading && question ? (
            <NothingFound filter={view.filter} scope={scope} gateways={search.gateways} onFilter={setFilter} />
          ) : (
            <FlowGrid
              rows={rows}
              total={total}
              firstRow={search.firstRow}
              isLoading={search.isLoading}
              isStale={search.isStale && !search.isLoading}
              snapshotAtMs={search.askedAtMs}
              current={current}
              openKey={openKey}
              isEnded={ending.isEnded}
              selection={selection}
              sort={question?.sort}
              nameOf={nameOf}
              onCurrent={setCurrent}
              targetOf={targetOf}
              onSelect={select}
              onSelectAll={() => setSelection(selection.kind === 'rows' && selection.rows.size > 0 ? NOTHING : added(NOTHING, rows))}
              onSort={(field) => void setView(nextSort(view, field))}
              onNearEnd={search.needMore}
            />
          )}
          <FlowsFoot search={search}>
            {isFilterEmpty ? (
              <Button kind="danger-line" icon={IconTrash} refusal={refusal} onClick={() => asking.ask({ what: { all: true }, scope })}>
                Delete all connections…
              </Button>
            ) : (
              <Button kind="danger-line" icon={IconTrash} refusal={refusal ?? notNow ?? everythingRefusal} onClick={askForMatching}>
                Delete all {notNow ? '' : `${count(total)} `}matching…
              </Button>
            )}
          </FlowsFoot>
        </section>
        {open && (
          <FlowPanel
            flow={open}
            gateway={openGateway}
            refusal={refusal}
            ending={openEnding}
            onEnd={endOpen}
            onSure={() => {
              if (openEnding) ending.sure(openEnding);
            }}
            onKeep={() => {
              if (openEnding) ending.keep(openEnding);
            }}
            onClose={() => void setView({ open: null })}
          />
        )}
      </div>
      <PlanSheet asking={asking} />
    </>
  );
}

/** Pressing the sorted head reverses the order; a third press returns to the tables' own order. */
function nextSort({ sort, desc }: { sort: SortBy | null; desc: boolean }, field: SortBy): { sort: SortBy | null; desc: boolean } {
  if (sort !== field) return { sort: field, desc: false };
  return desc ? { sort: null, desc: false } : { sort: field, desc: true };
}

/** The addresses that `wan:` was resolved to, over all gateways. */
function resolvedIn(gateways: { resolved?: Record<string, string> }[]): string | undefined {
  const addresses = [...new Set(gateways.flatMap(({ resolved = {} }) => Object.values(resolved)))];
  return addresses.length === 0
    ? undefined
    : addresses.slice(0, 2).join(', ') + (addresses.length > 2 ? ` and ${addresses.length - 2} more` : '');
}

function namesOf(
  gateways: { name: string; siteName: string; tenantName: string; tags: string[]; wans: { name: string }[] }[] = [],
): Record<string, string[]> {
  const distinct = (values: string[]) => [...new Set(values)].toSorted();
  return {
    gateway: distinct(gateways.map(({ name }) => name)),
    site: distinct(gateways.map(({ siteName }) => siteName)),
    tenant: distinct(gateways.map(({ tenantName }) => tenantName)),
    tag: distinct(gateways.flatMap(({ tags }) => tags)),
    wan: distinct(gateways.flatMap(({ wans }) => wans.map(({ name }) => name))),
  };
}
