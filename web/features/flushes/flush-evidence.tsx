'use client';

import { useMutation } from '@tanstack/react-query';
import { IconDownload } from '@tabler/icons-react';
import { useState } from 'react';
import type { Flush } from '../../../proto/http/flushes.ts';
import { useClock } from '../../lib/clock.tsx';
import { useRefusal } from '../../lib/controller/access.ts';
import { flowsPage, type FlowsPage } from '../../lib/controller/queries.ts';
import { Link } from '../../lib/link.tsx';
import { Button } from '../../ui/button.tsx';
import { count } from '../../../client/words/format.ts';
import { Unreadable, type UnreadableEntry } from '../../ui/unreadable.tsx';
import { evidenceCsv, evidenceJson } from './evidence.ts';
import { ExactFlows } from './exact-flows.tsx';
import { droppedWords } from '../../../client/words/flush-words.ts';

const PAGE = 500;

/** Every flow with its outcome: on the page, as a file, and the audit entries that name them. */
export function FlushEvidence({ flush }: { flush: Flush }) {
  const [isListed, setListed] = useState(false);
  const [read, setRead] = useState(0);
  const clock = useClock();
  const auditRefusal = useRefusal('audit.read');
  const refusal = useRefusal(
    'plans.read',
    flush.tenants.map(({ id }) => id),
  );
  const of = { plan: flush.planId, flush: flush.id };
  const nameOf = (id: string) => flush.targets.find(({ gatewayId }) => gatewayId === id)?.gatewayName ?? id;
  const download = useMutation({
    async mutationFn(format: 'csv' | 'json') {
      const rows: FlowsPage['items'] = [];
      const unreadable: UnreadableEntry[] = [];
      let cursor: string | undefined;
      setRead(0);
      do {
        const page = await flowsPage(of, cursor, PAGE);
        if (page.droppedAt !== undefined) throw new Error(droppedWords(clock.full(page.droppedAt)));
        rows.push(...page.items);
        unreadable.push(...(page.unreadable ?? []));
        cursor = page.cursor;
        setRead(rows.length);
      } while (cursor !== undefined);
      save(
        `flush-${flush.id}.${format}`,
        format === 'csv' ? 'text/csv' : 'application/json',
        format === 'csv' ? evidenceCsv(rows, nameOf) : evidenceJson(flush, rows, unreadable),
      );
      return unreadable;
    },
  });
  const blocked = refusal ?? (download.isPending ? `${count(read)} of ${count(flush.totals.planned)} flows are read.` : undefined);
  return (
    <section aria-label="Evidence" className="pad stack">
      <div className="sec-head">
        <h2>Evidence</h2>
        <span className="dim">every flow of the plan by its tuples, with what became of it</span>
        <span className="grow" />
        <Button size="slim" refusal={refusal} onClick={() => setListed(!isListed)}>
          {isListed ? 'Hide the flows' : 'Show the flows'}
        </Button>
        <Button size="slim" icon={IconDownload} refusal={blocked} onClick={() => download.mutate('csv')}>
          CSV
        </Button>
        <Button size="slim" icon={IconDownload} refusal={blocked} onClick={() => download.mutate('json')}>
          JSON
        </Button>
        {!auditRefusal && (
          <Link className="link" href={`/audit?flush=${flush.id}`}>
            In the audit
          </Link>
        )}
      </div>
      {download.error && (
        <p className="red small" role="alert">
          {download.error.message}
        </p>
      )}
      {download.data && <Unreadable entries={download.data} />}
      {isListed && <ExactFlows key={flush.state} of={of} nameOf={nameOf} />}
    </section>
  );
}

/** Hands the browser a file. */
function save(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = Object.assign(document.createElement('a'), { href: url, download: name });
  link.click();
  URL.revokeObjectURL(url);
}
