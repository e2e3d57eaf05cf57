import type { IdleSurroundings } from '../idle/idle-rows.ts';
import type { LabelNames } from '../proc/labels.ts';
import type { WanNames } from '../rows/wan-names.ts';

/** What the terms of one query are evaluated against. */
export interface Surroundings extends IdleSurroundings {
  labels: LabelNames;
  wans: WanNames;
}
