import type { FoundTable } from '../read-ruleset.ts';
import type { AskedPacket, PolicyReading, TrackingExplanation } from '../../../proto/model/policy/gateway-reading.ts';

/** How a gateway tracks: what it is set to now, and what its rules do. Changes nothing. */
export interface Policies {
  /** What can be asked here, and for the rest why not. */
  abilities(): { can: string[]; cannot: Record<string, string> };
  /** Reads all of it again. Throws FleetError if the signal aborts. */
  read(signal: AbortSignal): Promise<PolicyReading>;
  /** Our own table as it is; undefined if it is not there. Throws as OwnTable does. */
  ownTable(): Promise<FoundTable | undefined>;
  /** Throws CAPABILITY_MISSING where the rules cannot be read. */
  explain(packet: AskedPacket, signal: AbortSignal): Promise<TrackingExplanation>;
}
