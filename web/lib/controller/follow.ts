'use client';

import { useEffect, useEffectEvent } from 'react';
import type { Answered, Asked } from '../../../client/client.ts';
import { subscribe } from '../../../client/subscribe.ts';
import type { routes } from '../../../proto/http/routes.ts';
import { controller } from './client.ts';

type Followed = typeof routes.watchFlush | typeof routes.watchPolicyRollout;

/** Follows the stream of one flush or roll-out while it is open. What is followed does not depend on this page. */
export function useFollowed<R extends Followed>(
  route: R,
  id: string,
  isOn: boolean,
  onEvent: (event: NonNullable<Answered<R>>) => void,
): void {
  const take = useEffectEvent(onEvent);
  useEffect(() => {
    if (!isOn) return undefined;
    // Each of them takes the id alone, which the compiler cannot tell of a union.
    const asked = { params: { id } } as unknown as Asked<R>;
    return subscribe(controller, route, asked, { now: Date.now, onState: () => {}, onEvent: (event) => take(event) });
  }, [route, id, isOn]);
}
