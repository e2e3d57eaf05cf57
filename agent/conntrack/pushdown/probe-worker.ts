import { parentPort } from 'node:worker_threads';
import { leaveNetwork } from '../../netlink/namespace.ts';
import { probeKernelFilters } from './probe.ts';

/** A thread of its own, because it moves to a new network namespace and does not come back; the namespace ends with it. */
if (!parentPort) throw new Error('probe-worker.ts runs as a worker thread of features.ts');
leaveNetwork();
parentPort.postMessage(probeKernelFilters());
