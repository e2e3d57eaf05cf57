'use client';

import { useQuery } from '@tanstack/react-query';
import type { Plan } from '../../../proto/http/plans.ts';
import * as queries from '../../lib/controller/queries.ts';
import { WanEventLine } from './wan-event-line.tsx';

const MAX_EVENTS = 5;
const ABOUT_WAN = /\b(?:next-)?wan:|\bstale:/;

/** The failovers that a plan is about: those that are open on its one gateway, where its filter is about WANs. */
export function PlanWanEvents({ plan: { gateways, filter } }: { plan: Pick<Plan, 'gateways' | 'filter'> }) {
  const [only, ...others] = gateways;
  const isAbout = only !== undefined && others.length === 0 && ABOUT_WAN.test(filter);
  const { data } = useQuery({ ...queries.wanEvents({ gateway: only?.id ?? '', state: 'all-open', limit: MAX_EVENTS }), enabled: isAbout });
  return data?.items.map((event) => <WanEventLine key={event.id} event={event} />);
}
