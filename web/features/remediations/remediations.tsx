'use client';

import './remediations.css';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { IconPlus } from '@tabler/icons-react';
import { parseAsString, useQueryState } from 'nuqs';
import { routes } from '../../../proto/http/routes.ts';
import type { Remediation } from '../../../proto/http/remediations.ts';
import { useRefusal } from '../../lib/controller/access.ts';
import { call } from '../../lib/controller/client.ts';
import * as queries from '../../lib/controller/queries.ts';
import { useGo } from '../../lib/link.tsx';
import { toListScope, useScope, useTenantInScope } from '../../lib/scope.ts';
import { Button } from '../../ui/button.tsx';
import { Empty, Failure, Skeleton } from '../../ui/feedback.tsx';
import { useKey } from '../../ui/keys.ts';
import { useList } from '../../ui/list.tsx';
import { Outdated } from '../../ui/outdated.tsx';
import { Unreadable } from '../../ui/unreadable.tsx';
import { Library } from './library.tsx';
import { remediationsSentence, runNowRefusal } from '../../../client/words/remediation-words.ts';
import { RemediationRows } from './remediation-rows.tsx';
import { RunList } from './run-list.tsx';
import { RunStrip } from './run-strip.tsx';

/** What fixes itself, when did it last, and can it be trusted? */
export function Remediations() {
  const go = useGo();
  const client = useQueryClient();
  const { ids } = useScope();
  const tenant = useTenantInScope();
  const refusal = useRefusal('remediations.read');
  const writeRefusal = useRefusal('remediations.write');
  const runRefusal = useRefusal('remediations.run');
  const { data: page, error, dataUpdatedAt, refetch } = useQuery({ ...queries.remediations(), enabled: refusal === undefined });
  const all = page?.items;
  const { data: runs } = useQuery({ ...queries.remediationRuns({ limit: 200, ...toListScope(ids) }), enabled: refusal === undefined });
  const [at, setAt] = useQueryState('at', parseAsString);
  const shown = all?.filter(({ tenantId }) => !tenant || tenantId === undefined || tenantId === tenant.id) ?? [];
  const current = Math.max(
    0,
    shown.findIndex(({ id }) => id === at),
  );
  const here = shown[current];
  const changed = () => {
    void client.invalidateQueries({ queryKey: ['remediations'] });
    void client.invalidateQueries({ queryKey: ['remediation-runs'] });
  };
  const turn = useMutation({
    mutationFn: ({ id, revision, isEnabled }: Remediation) =>
      call(routes.updateRemediation, { params: { id }, body: { revision, isEnabled: !isEnabled } }),
    onSettled: changed,
  });
  const run = useMutation({
    mutationFn: ({ id }: Remediation) => call(routes.runRemediation, { params: { id } }),
    onSuccess: ({ runId }) => go(`/remediations/runs/${runId}`),
    onSettled: changed,
  });
  const refusalToRun = (one: Remediation) => runRefusal ?? runNowRefusal(one) ?? (run.isPending ? 'It is being started.' : undefined);
  const { row } = useList(
    shown.map(({ id }) => ({ path: `/remediations/${id}` })),
    { current, onCurrent: (index) => void setAt(shown[index]!.id) },
  );
  useKey('n', () => {
    if (!writeRefusal) go('/remediations/new');
  });
  useKey('o', () => {
    if (here && !refusalToRun(here)) run.mutate(here);
  });
  useKey('h', () => {
    if (here) go(`/remediations/runs?remediation=${here.id}`);
  });

  if (refusal)
    return (
      <>
        <div className="head">
          <h1>Remediations</h1>
        </div>
        <Empty>{refusal}</Empty>
      </>
    );
  if (error && !all)
    return (
      <>
        <div className="head">
          <h1>Remediations</h1>
        </div>
        <div className="empty">
          <Failure
            what="The remediations could not be read"
            error={error}
            stillWorks="Gateways go on with what they have."
            onRetry={() => void refetch()}
          />
        </div>
      </>
    );
  if (!all)
    return (
      <div className="empty">
        <h1 className="sr">Remediations</h1>
        <Skeleton lines={8} />
      </div>
    );
  const failed = turn.error ?? run.error;
  return (
    <>
      <div className="head">
        <h1>{shown.length === 0 ? 'Nothing fixes itself yet' : remediationsSentence(shown, runs?.items[0])}</h1>
        <span className="grow" />
        <Outdated error={error} atMs={dataUpdatedAt} />
        <Button icon={IconPlus} kind="primary" keys="n" refusal={writeRefusal} onClick={() => go('/remediations/new')}>
          New remediation
        </Button>
      </div>
      {failed && (
        <div className="pad">
          <Failure what="Nothing was changed" error={failed} />
        </div>
      )}
      {page?.unreadable && (
        <div className="pad">
          <Unreadable entries={page.unreadable} />
        </div>
      )}
      {shown.length === 0 ? (
        <div className="pad stack wide">
          <p className="dim2">
            A remediation is a saved answer: when this happens, end those flows, within these limits. Each begins as an observer that
            touches nothing.
          </p>
          <Library refusal={writeRefusal} />
        </div>
      ) : (
        <>
          <RunStrip runs={runs?.items} />
          <RemediationRows
            remediations={shown}
            current={current}
            row={row}
            writeRefusal={writeRefusal}
            refusalToRun={refusalToRun}
            onTurn={(one) => turn.mutate(one)}
            onRun={(one) => run.mutate(one)}
          />
          <section className="pad" aria-label="Last runs">
            <div className="sec-head">
              <h2>Last runs</h2>
              <span className="dim">on gateways and from here, newest first</span>
            </div>
            <RunList runs={runs?.items.slice(0, 12)} unreadable={runs?.unreadable} />
          </section>
        </>
      )}
    </>
  );
}
