import type { ActualPolicyView, TrackingExplanationView } from '../../proto/http/policies.ts';
import type { PolicyReading, TrackingExplanation } from '../../proto/model/policy/gateway-reading.ts';
import { listSettings } from '../../proto/model/policy/setting-list.ts';
import { textFrom } from '../platform/untrusted.ts';

/** Of any text from an agent. The kernel's names have 255 at most, and the agent cuts rules itself. */
const MAX_TEXT = 600;

/** What a gateway told, as the API shows it. */
export function toActualView({ actual, helpers, foreign, unread }: PolicyReading, readAt: Date): ActualPolicyView {
  const { settings, unsettable, table, noTable } = actual;
  return {
    readAt: readAt.toISOString(),
    ...cleaned({ settings: listSettings(settings, unsettable), helpers, table, noTable, foreign, unread }),
  };
}

export function toExplanationView(explanation: TrackingExplanation, askedAt: Date): TrackingExplanationView {
  return { askedAt: askedAt.toISOString(), ...cleaned(explanation) };
}

/** The same with every text made safe to store and show, names of fields too. What is absent stays absent. */
export function cleaned<T>(value: T): T {
  if (typeof value === 'string') return textFrom(value, MAX_TEXT) as T;
  if (Array.isArray(value)) return value.map(cleaned) as T;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).flatMap(([name, part]) => (part === undefined ? [] : [[textFrom(name, MAX_TEXT), cleaned(part)]]));
  return Object.fromEntries(entries) as T;
}
