import type { TrialOptions, TrialReport } from './findings.ts';
import { framesToAgent } from './frames-to-agent.ts';
import { framesToController } from './frames-to-controller.ts';
import { policyDocuments } from './policy-documents.ts';
import { requests } from './requests.ts';

/** Every trial by the name it is run by. */
export const TRIALS = {
  'frames-to-controller': framesToController,
  'frames-to-agent': framesToAgent,
  'policy-documents': policyDocuments,
  requests,
} satisfies Record<string, (options: TrialOptions) => Promise<TrialReport>>;
export type TrialName = keyof typeof TRIALS;

/** How much a program may have grown after a trial, in MB. */
export const MAX_GROWTH_MB = 100;
