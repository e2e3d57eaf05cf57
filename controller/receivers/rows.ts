import type { Hours } from '../../proto/model/alerts/hours.ts';
import type { Told } from './message.ts';

export interface ReceiverRow {
  id: string;
  tenantId: string | null;
  tenantName: string | null;
  name: string;
  kind: string;
  severities: string[];
  addresses: string[];
  /** Sealed; null for mail. */
  target: Uint8Array<ArrayBuffer> | null;
  hours: Hours | null;
  remindMinutes: number | null;
  isOn: boolean;
  revision: number;
  createdByName: string;
  createdAt: Date;
  lastAt: Date | null;
  lastState: string | null;
  lastAnswer: string | null;
  failingSince: Date | null;
}

export interface DeliveryRow {
  id: string;
  tenantId: string | null;
  alertId: string | null;
  reason: string;
  title: string;
  receiverId: string | null;
  receiverName: string;
  kind: string;
  address: string;
  state: string;
  attempts: number;
  queuedAt: Date;
  nextAttemptAt: Date;
  sentAt: Date | null;
  answer: string | null;
}

/** A delivery that is being tried, with what its alert is now. */
export type Claimed = DeliveryRow &
  Told & {
    /** Of what told this address that the alert was raised. */ raisedState: string | null;
    alertState: string;
    target: Uint8Array | null;
  };
