'use client';

import { useQueryClient, type QueryClient } from '@tanstack/react-query';
import { createContext, useContext, useEffect, useState, type ReactNode } from 'react';
import type { z } from 'zod';
import type { fleetEvent } from '../../../proto/http/fleet.ts';
import { routes } from '../../../proto/http/routes.ts';
import { subscribe, type StreamState } from '../../../client/subscribe.ts';
import { useProofs } from './step-up.ts';
import { controller } from './client.ts';

/** Progress of a running flush. */
export interface RunningFlush {
  flushId: string;
  done: number;
  planned: number;
}

interface Live {
  stream: StreamState;
  running: RunningFlush[];
}

const LiveContext = createContext<Live>({ stream: { kind: 'connecting' }, running: [] });

/** Live state of the fleet: the state of the stream, and the running flushes. */
export function useLive(): Live {
  return useContext(LiveContext);
}

/**
 * Keeps what runs up to date with the controller; what single pages show is followed by them (lib/watch.ts). After an interruption
 * everything is fetched again, since it is unknown what was missed.
 */
export function LiveProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const [stream, setStream] = useState<StreamState>({ kind: 'connecting' });
  const [running, setRunning] = useState<RunningFlush[]>([]);
  // A stream that was refused for want of a second factor is tried again once one was proved.
  const proofs = useProofs();
  const [attempt, setAttempt] = useState(0);
  const isRefused = stream.kind === 'refused';
  useEffect(() => {
    if (isRefused) setAttempt(proofs);
  }, [isRefused, proofs]);
  useEffect(() => {
    let wasBroken = attempt > 0;
    return subscribe(
      controller,
      routes.watchFleet,
      {},
      {
        now: Date.now,
        onState(state) {
          if (state.kind === 'waiting') wasBroken = true;
          if (state.kind === 'live' && wasBroken) {
            wasBroken = false;
            void client.invalidateQueries();
          }
          setStream(state);
        },
        onEvent(event) {
          apply(client, event);
          if (event.kind === 'flush') setRunning((before) => withFlush(before, event));
        },
      },
    );
  }, [client, attempt]);
  return <LiveContext.Provider value={{ stream, running }}>{children}</LiveContext.Provider>;
}

function apply(client: QueryClient, event: z.output<typeof fleetEvent>): void {
  if (event.kind === 'flush' && event.state !== 'running') {
    void client.invalidateQueries({ queryKey: ['flushes'] });
    void client.invalidateQueries({ queryKey: ['audit'] });
  }
  if (event.kind === 'alert') for (const queryKey of [['alerts'], ['alert', event.alertId]]) void client.invalidateQueries({ queryKey });
  if (event.kind === 'remediation-run')
    for (const queryKey of [['remediation-runs'], ['remediation-run', event.runId], ['remediations'], ['remediation', event.remediationId]])
      void client.invalidateQueries({ queryKey });
}

function withFlush(
  before: RunningFlush[],
  { flushId, state, done, planned }: { flushId: string; state: string; done: number; planned: number },
): RunningFlush[] {
  const others = before.filter((each) => each.flushId !== flushId);
  return state === 'running' ? [...others, { flushId, done, planned }] : others;
}
