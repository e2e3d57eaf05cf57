'use client';

import './policies.css';
import { useQuery } from '@tanstack/react-query';
import { routes } from '../../../proto/http/routes.ts';
import { freeName } from '../../../client/words/compliance-words.ts';
import { counted } from '../../../client/words/format.ts';
import { useClock } from '../../lib/clock.tsx';
import { call } from '../../lib/controller/client.ts';
import * as queries from '../../lib/controller/queries.ts';
import { useGo } from '../../lib/link.tsx';
import { Failure, Skeleton } from '../../ui/feedback.tsx';
import { documentOf, edited, setValue } from './form/edit-text.ts';
import { PolicyEditor } from './policy-editor.tsx';

/** The editor with what a gateway is set to now, for that gateway, under a name that is free: saving it is one more click. */
export function AdoptPolicy({ gatewayId }: { gatewayId: string }) {
  const go = useGo();
  const clock = useClock();
  const { data: gateway, isPending } = useQuery(queries.gateway(gatewayId));
  const { data: policies } = useQuery(queries.policies());
  const { data: adopted, error, refetch } = useQuery(queries.adoptedPolicy(gatewayId));
  if (error || !adopted || isPending || !policies)
    return (
      <>
        <div className="head">
          <h1>New policy</h1>
        </div>
        <div className="empty">
          {error ? (
            <Failure
              what="What the gateway is set to could not be made a policy"
              error={error}
              stillWorks="The gateway goes on."
              onRetry={() => void refetch()}
            />
          ) : (
            <Skeleton lines={10} />
          )}
        </div>
      </>
    );
  const tenantId = gateway?.tenantId;
  const own = policies.items.filter((policy) => policy.tenantId === tenantId);
  const text = named(
    adopted.document,
    own.map(({ name }) => name),
  );
  const rivals = own.filter(({ target }) => target.level === 'gateway' && target.gatewayId === gatewayId).map(({ name }) => name);
  return (
    <PolicyEditor
      title={`New policy, as ${gateway?.name ?? 'the gateway'} is set to`}
      start={{ text, tenantId, target: { level: 'gateway', gatewayId } }}
      isTenantFixed
      save={async ({ text: document, target }) => {
        const { id } = await call(routes.createPolicy, { body: { ...(tenantId && { tenantId }), target, document } });
        go(`/policies?at=${id}`);
      }}
      preview={({ text: document, target }, { scope }) =>
        call(routes.planNewPolicy, { body: { ...(tenantId && { tenantId }), target, document, scope } })
      }
      note={
        <div className="pad stack adopted">
          <p className="dim2">
            As {gateway?.name ?? 'it'} was set to at {clock.seconds(adopted.readAt)} {clock.offset(Date.parse(adopted.readAt))}
            {adopted.drifted.length > 0 &&
              `; ${counted(adopted.drifted.length, 'value')} differ from the policy in force there: ${adopted.drifted.join(', ')}`}
            . Nothing is saved yet.
          </p>
          {rivals.length > 0 && (
            <p className="note amber small">
              {rivals.join(', ')} {rivals.length === 1 ? 'is' : 'are'} for this gateway already. Of several for one gateway, the later in
              the alphabet comes first.
            </p>
          )}
          {adopted.notes.map((note) => (
            <p key={note} className="note small">
              {note}
            </p>
          ))}
        </div>
      }
    />
  );
}

/** The document under its name, or the first free one like it. */
function named(document: string, taken: readonly string[]): string {
  const wanted = String(documentOf(document).getIn(['metadata', 'name']));
  const name = freeName(wanted, taken);
  const result = edited(document, setValue(['metadata', 'name'], name));
  return name === wanted || 'problem' in result ? document : result.text;
}
