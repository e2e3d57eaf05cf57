import { Injectable } from '@nestjs/common';
import { FleetError } from '../../proto/model/error-codes.ts';
import { newId } from '../platform/ids.ts';
import type { Session } from './session.ts';

/** The sessions that this replica holds, by gateway; at most one per gateway. */
@Injectable()
export class Sessions {
  /** Names this process in the session registry. */
  readonly replicaId = newId();
  private readonly open = new Map<string, Session>();

  get(gatewayId: string): Session | undefined {
    return this.open.get(gatewayId);
  }

  all(): Session[] {
    return [...this.open.values()];
  }

  /** Adds a session; of two of the same gateway, the one with the lower epoch is closed. */
  add(session: Session): void {
    const other = this.open.get(session.identity.gatewayId);
    const isNewer = !other || session.epoch > other.epoch;
    if (isNewer) this.open.set(session.identity.gatewayId, session);
    (isNewer ? other : session)?.close(new FleetError('EPOCH_SUPERSEDED', 'A newer session of this gateway took over.'));
  }

  /** Removes a session; false if another has replaced it. */
  remove(session: Session): boolean {
    if (this.open.get(session.identity.gatewayId) !== session) return false;
    return this.open.delete(session.identity.gatewayId);
  }
}
