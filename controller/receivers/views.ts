import type { Delivery, Receiver } from '../../proto/http/receivers.ts';
import type { DeliveryRow, ReceiverRow } from './rows.ts';

/** A receiver as the API shows it. */
export function toReceiverView(row: ReceiverRow): Receiver {
  return {
    id: row.id,
    tenantId: row.tenantId ?? undefined,
    tenantName: row.tenantName ?? undefined,
    name: row.name,
    kind: row.kind as Receiver['kind'],
    severities: row.severities as Receiver['severities'],
    addresses: row.addresses,
    hours: row.hours ?? undefined,
    remindMinutes: row.remindMinutes ?? undefined,
    isOn: row.isOn,
    revision: row.revision,
    createdBy: row.createdByName,
    createdAt: row.createdAt.toISOString(),
    ...(row.lastAt && {
      last: {
        at: row.lastAt.toISOString(),
        isTaken: row.lastState === 'sent',
        answer: row.lastAnswer ?? '',
        failingSince: row.failingSince?.toISOString(),
      },
    }),
  };
}

/** A delivery as the API shows it. */
export function toDeliveryView(row: DeliveryRow): Delivery {
  const isOver = row.state === 'sent' || row.state === 'failed' || row.state === 'left-out';
  return {
    id: row.id,
    alertId: row.alertId ?? undefined,
    title: row.title,
    reason: row.reason as Delivery['reason'],
    receiverId: row.receiverId ?? undefined,
    receiverName: row.receiverName,
    kind: row.kind as Delivery['kind'],
    address: row.address,
    // That somebody is at it just now says nothing to a reader.
    state: row.state === 'sending' ? 'queued' : (row.state as Delivery['state']),
    attempts: row.attempts,
    queuedAt: row.queuedAt.toISOString(),
    sentAt: row.sentAt?.toISOString(),
    nextAttemptAt: isOver ? undefined : row.nextAttemptAt.toISOString(),
    answer: row.answer ?? undefined,
  };
}
