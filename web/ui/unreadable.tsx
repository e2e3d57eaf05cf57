/** An entry of a list that cannot be shown. */
export type UnreadableEntry = { id: string; reason: string };

/** Says which entries of a list cannot be shown, and why, so that none is missing silently; renders nothing if all can. */
export function Unreadable({ entries = [] }: { entries?: UnreadableEntry[] }) {
  const [first] = entries;
  if (!first) return null;
  if (entries.length === 1)
    return (
      <p className="note unreadable">
        1 entry cannot be shown: <Entry {...first} />
      </p>
    );
  return (
    <details className="note unreadable">
      <summary>{entries.length} entries cannot be shown</summary>
      <ul>
        {entries.map((entry) => (
          <li key={entry.id}>
            <Entry {...entry} />
          </li>
        ))}
      </ul>
    </details>
  );
}

function Entry({ id, reason }: UnreadableEntry) {
  return (
    <>
      <span className="mono">{id}</span>, {reason}
    </>
  );
}
