'use client';

import { useMutation } from '@tanstack/react-query';
import { IconArrowBackUp, IconTrash } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import { useHotkeys } from 'react-hotkeys-hook';
import { routes } from '../../../proto/http/routes.ts';
import { useNow } from '../../lib/clock.tsx';
import { useRefusal } from '../../lib/controller/access.ts';
import { call } from '../../lib/controller/client.ts';
import { Link } from '../../lib/link.tsx';
import { Button } from '../../ui/button.tsx';
import { minutesAndSeconds } from '../../../client/words/format.ts';
import { State } from '../../ui/state.tsx';
import { FLUSHES, flushSentence, troubleSentence, undoSeconds } from '../../../client/words/flush-words.ts';
import { trafficWords } from '../../../client/words/plan-words.ts';
import { useFlush } from '../flushes/use-flush.ts';
import type { Ending } from './use-ending.ts';

interface FlowEndingProps {
  ending: Ending | undefined;
  refusal: string | undefined;
  onEnd(): void;
  onSure(): void;
  onKeep(): void;
}

/** The foot of a flow's panel: the button that ends it, the question if it may carry traffic, and then the result with its Undo. */
export function FlowEnding({ ending, refusal, onEnd, onSure, onKeep }: FlowEndingProps) {
  switch (ending?.kind) {
    case 'asking':
      return <Question words={trafficWords(ending.plan.impact)} onSure={onSure} onKeep={onKeep} />;
    case 'ended':
      return <Result flushId={ending.flushId} />;
    case 'failed':
    case 'planning':
    case 'running':
    case undefined:
      return (
        <div className="panel-foot stack">
          {ending?.kind === 'failed' && (
            <p className="red" role="alert">
              It was not deleted. {ending.error.message}
            </p>
          )}
          <div>
            <Button
              kind="danger-line"
              icon={IconTrash}
              keys="d"
              onClick={onEnd}
              refusal={refusal ?? (ending && ending.kind !== 'failed' ? 'The gateway is being asked.' : undefined)}
            >
              {ending && ending.kind !== 'failed' ? 'Deleting…' : 'Delete this flow'}
            </Button>
          </div>
        </div>
      );
  }
}

function Question({ words, onSure, onKeep }: { words: string; onSure(): void; onKeep(): void }) {
  const question = useRef<HTMLParagraphElement>(null);
  useEffect(() => question.current?.focus(), []);
  useHotkeys('mod+enter', onSure, { preventDefault: true }, [onSure]);
  return (
    <section className="panel-foot stack asking" aria-label="Delete it all the same?">
      <p ref={question} tabIndex={-1}>
        <b>Delete it all the same?</b> {words}
      </p>
      <div className="row">
        <Button kind="danger" icon={IconTrash} keys="Ctrl ↵" onClick={onSure}>
          Delete it
        </Button>
        <Button keys="Esc" onClick={onKeep}>
          Keep it
        </Button>
      </div>
    </section>
  );
}

/** The result, with Undo for as long as it is possible. An undo shows its own result in the same place. */
function Result({ flushId: first }: { flushId: string }) {
  const [flushId, setFlushId] = useState(first);
  const now = useNow();
  const { flush, error } = useFlush(flushId);
  const refusal = useRefusal('flushes.undo', flush?.tenants.map(({ id }) => id) ?? []);
  const undo = useMutation({
    mutationFn: () => call(routes.undoFlush, { params: { id: flushId } }),
    onSuccess: (made) => setFlushId(made.flushId),
  });
  const left = flush && now !== undefined ? undoSeconds(flush, now) : undefined;
  const trouble = flush && troubleSentence(flush);
  const failed = undo.error ?? error;
  return (
    <section className="panel-foot stack" aria-label="Result">
      <div role="status">
        {flush ? (
          <State kind={FLUSHES[flush.state]}>{flushSentence(flush)}</State>
        ) : (
          <State kind="running">The gateway is deleting it</State>
        )}
        {trouble && <p className="dim2">{trouble}</p>}
      </div>
      <div className="row">
        {left !== undefined && (
          <Button
            icon={IconArrowBackUp}
            onClick={() => undo.mutate()}
            refusal={refusal ?? (undo.isPending ? 'It is being begun.' : undefined)}
          >
            Undo, {minutesAndSeconds(left)} left
          </Button>
        )}
        <Link className="link" href={`/flushes/${flushId}`}>
          Open the flush
        </Link>
      </div>
      {failed && (
        <p className="red" role="alert">
          {failed.message}
        </p>
      )}
    </section>
  );
}
