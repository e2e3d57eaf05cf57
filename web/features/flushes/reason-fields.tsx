/** Reason and ticket, as stored in the audit. */
export function ReasonFields({
  reason,
  ticket,
  onReason,
  onTicket,
  onEnter,
}: {
  reason: string;
  ticket: string;
  onReason(text: string): void;
  onTicket(text: string): void;
  onEnter(): void;
}) {
  const onKeyDown = (event: React.KeyboardEvent) => {
    if (event.key === 'Enter' && !event.ctrlKey && !event.metaKey) onEnter();
  };
  return (
    <div className="row">
      <label className="input grow">
        Reason
        <input value={reason} maxLength={500} required onChange={(event) => onReason(event.currentTarget.value)} onKeyDown={onKeyDown} />
      </label>
      <label className="input" style={{ width: 160 }}>
        Ticket
        <input value={ticket} maxLength={100} onChange={(event) => onTicket(event.currentTarget.value)} onKeyDown={onKeyDown} />
      </label>
    </div>
  );
}
