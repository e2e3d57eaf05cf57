import { JobQueue } from '../queue/job-queue.ts';

/** Spreads deliveries over replicas. */
export const DELIVERIES = new JobQueue<{ deliver: { gatewayIds: string[] } }>('ctfleet-deliver');
