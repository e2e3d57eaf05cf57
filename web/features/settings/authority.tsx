'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { AuthorityView } from '../../../proto/http/authority.ts';
import { routes } from '../../../proto/http/routes.ts';
import { END_KINDS } from '../../../client/words/authority-words.ts';
import { count, counted, isCount } from '../../../client/words/format.ts';
import { useClock } from '../../lib/clock.tsx';
import { useRefusal } from '../../lib/controller/access.ts';
import { call } from '../../lib/controller/client.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Button } from '../../ui/button.tsx';
import { Failure, Skeleton } from '../../ui/feedback.tsx';

type Step = AuthorityView['steps'][number];

const PHASES: Record<AuthorityView['phase'], string> = {
  steady: 'One authority signs, and nothing is being replaced.',
  prepared: 'A new authority is trusted beside the current one, and signs nothing yet.',
  switched: 'The new authority signs. Both are trusted, until every gateway has renewed its certificate.',
};
const STEPS: Record<Step, { word: string; sure: string }> = {
  prepare: { word: 'Prepare a new authority', sure: 'Make a new root, trusted beside this one' },
  switch: { word: 'Switch to the new one', sure: 'Let the new one sign' },
  retire: { word: 'Retire the old one', sure: 'End trust in the old one' },
  back: { word: 'Back', sure: 'Take the last step back' },
};
const ROLES = { current: 'current', next: 'new', retired: 'retired' } as const;
const KEYS = { signing: 'here, signs gateways', here: 'here, encrypted', removed: 'exported and removed', elsewhere: 'elsewhere' } as const;
const MAX_NAMED = 8;

/** Who signs the gateways' certificates, and how that is replaced while the fleet runs. */
export function Authority() {
  const refusal = useRefusal('authority.read', 'all');
  const { data, error, refetch } = useQuery({ ...queries.authority(), enabled: refusal === undefined });
  return (
    <section className="setting" aria-labelledby="authority">
      <h2 id="authority">
        Authority<small>who signs the gateways’ certificates</small>
      </h2>
      {refusal ? (
        <p className="dim small">{refusal}</p>
      ) : error && !data ? (
        <Failure what="The authority could not be read" error={error} onRetry={() => void refetch()} />
      ) : !data ? (
        <Skeleton lines={4} />
      ) : (
        <div className="stack wide">
          <p>{PHASES[data.phase]}</p>
          <Ends ends={data.ends} />
          <Certificates view={data} />
          <Steps view={data} />
        </div>
      )}
    </section>
  );
}

/** What ends soon and needs somebody, and whether the rest looks after itself. */
function Ends({ ends }: { ends: AuthorityView['ends'] }) {
  const clock = useClock();
  const near = ends.filter(({ remedy }) => remedy !== undefined);
  return (
    <>
      {near.map(({ kind, name, endsAt, remedy }) => (
        <p key={`${kind} ${name}`} className="note amber">
          The {END_KINDS[kind]} <span className="mono">{name}</span> ends {clock.full(endsAt)}. {remedy}
        </p>
      ))}
      {near.length === 0 && ends.some(({ kind, isReplacedByItself }) => kind === 'intermediate' && isReplacedByItself) && (
        <p className="dim">The intermediate is replaced by itself at half of its life, while both are trusted.</p>
      )}
    </>
  );
}

function Certificates({ view: { roots, issuers } }: { view: AuthorityView }) {
  const clock = useClock();
  return (
    <table data-density="compact">
      <thead>
        <tr>
          <th>Certificate</th>
          <th>Is</th>
          <th>Good until</th>
          <th>Key</th>
          <th className="num">Gateways</th>
        </tr>
      </thead>
      <tbody>
        {roots.map((root) => (
          <tr key={root.id}>
            <td className="mono" title={root.fingerprint}>
              {root.subject}
            </td>
            <td>{root.isPinned ? 'root, in new join tokens' : 'root'}</td>
            <td>{clock.full(root.endsAt)}</td>
            <td>{KEYS[root.key]}</td>
            <td />
          </tr>
        ))}
        {issuers.map((issuer) => (
          <tr key={issuer.id}>
            <td className="mono" title={issuer.fingerprint}>
              {issuer.subject}
            </td>
            <td>
              {ROLES[issuer.role]} intermediate{issuer.isSigning && ', signs'}
            </td>
            <td>{clock.full(issuer.endsAt)}</td>
            <td className="dim">encrypted</td>
            <td className="num">{count(issuer.gateways)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The steps of now. Each takes two clicks; what would leave gateways behind names them first, and needs their number as well. */
function Steps({ view: { steps, stranded, waitingTokens } }: { view: AuthorityView }) {
  const client = useQueryClient();
  const refusal = useRefusal('authority.write', 'all');
  const [sure, setSure] = useState<Step>();
  const [typed, setTyped] = useState('');
  const choose = (step?: Step): void => {
    setSure(step);
    setTyped('');
  };
  const take = useMutation({
    mutationFn: async (step: Step) => {
      const without = stranded?.step === step ? stranded.gateways.map(({ id }) => id) : [];
      if (step === 'prepare') return call(routes.prepareAuthority, { body: { kind: 'root' } });
      if (step === 'switch') return call(routes.switchAuthority, { body: {} });
      return call(step === 'retire' ? routes.retireAuthority : routes.backAuthority, { body: { without } });
    },
    onSuccess: (view) => client.setQueryData(queries.authority().queryKey, view),
    onSettled: () => choose(),
  });
  const left = stranded && stranded.step === sure && stranded.total > 0 ? stranded : undefined;
  const missing = left && !isCount(typed, left.total) ? `Type ${count(left.total)} first.` : undefined;
  return (
    <>
      <div className="row">
        {steps.map((step) => (
          <Button
            key={step}
            kind={sure === step ? 'danger' : 'plain'}
            refusal={take.isPending ? 'A step is being taken.' : (refusal ?? (sure === step ? missing : undefined))}
            onClick={() => (sure === step ? take.mutate(step) : choose(step))}
          >
            {sure !== step ? STEPS[step].word : left ? `${STEPS[step].sure}, without ${counted(left.total, 'gateway')}` : STEPS[step].sure}
          </Button>
        ))}
        {left && (
          <label className="input">
            Gateways to leave behind
            <input
              inputMode="numeric"
              autoComplete="off"
              size={6}
              value={typed}
              onChange={(event) => setTyped(event.currentTarget.value)}
            />
          </label>
        )}
        {sure && (
          <Button kind="quiet" onClick={() => choose()}>
            Cancel
          </Button>
        )}
      </div>
      {left && (
        <p className="note red" role="alert">
          {counted(left.total, 'gateway has', 'gateways have')} not renewed and would have to be enrolled again:{' '}
          {left.gateways
            .slice(0, MAX_NAMED)
            .map(({ name }) => name)
            .join(', ')}
          {left.total > MAX_NAMED && ` and ${count(left.total - MAX_NAMED)} more`}. Those that are connected renew by themselves within ten
          minutes. Wait for them, or type how many you leave behind.
        </p>
      )}
      {sure === 'retire' && waitingTokens > 0 && (
        <p className="dim">{counted(waitingTokens, 'unused join token')} would be worth nothing: they pin the old root.</p>
      )}
      {take.error && <Failure what="Nothing was changed" error={take.error} />}
    </>
  );
}
