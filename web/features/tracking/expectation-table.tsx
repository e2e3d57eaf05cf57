import type { ExpectationView } from '../../../proto/http/expectations.ts';
import { expectedWords, sideWords } from '../../../client/words/expectation-words.ts';
import { lasting } from '../../../client/words/format.ts';

interface Props {
  items: readonly ExpectationView[];
  selected: ReadonlySet<number>;
  onSelect(ids: ReadonlySet<number>): void;
}

/** Who expects what, from which flow, and for how long yet. */
export function ExpectationTable({ items, selected, onSelect }: Props) {
  const areAll = items.every(({ id }) => selected.has(id));
  const select = (id: number, isOn: boolean) => onSelect(new Set(isOn ? [...selected, id] : [...selected].filter((one) => one !== id)));
  return (
    <table data-density="compact" className="expectations">
      <thead>
        <tr>
          <th>
            <input
              type="checkbox"
              aria-label="Select all"
              checked={areAll}
              onChange={(event) => onSelect(new Set(event.currentTarget.checked ? items.map(({ id }) => id) : []))}
            />
          </th>
          <th>Expected</th>
          <th>By</th>
          <th>Helper</th>
          <th className="num">Time left</th>
        </tr>
      </thead>
      <tbody>
        {items.map((item) => (
          <tr key={item.id}>
            <td>
              <input
                type="checkbox"
                aria-label={`Select ${expectedWords(item)}`}
                checked={selected.has(item.id)}
                onChange={(event) => select(item.id, event.currentTarget.checked)}
              />
            </td>
            <td>
              <Ends proto={item.proto} src={item.src} dst={item.dst} />
              {item.zone !== undefined && <span className="dim"> zone {item.zone}</span>}
            </td>
            <td>
              <Ends proto={item.master.proto} src={item.master.src} dst={item.master.dst} />
            </td>
            <td className="mono">{item.helper ?? <span className="dim">not told</span>}</td>
            <td className="num">{item.timeoutSeconds === undefined ? 'as long as its flow' : lasting(item.timeoutSeconds)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Ends({ proto, src, dst }: Pick<ExpectationView, 'proto' | 'src' | 'dst'>) {
  return (
    <span className="ends">
      <span className="dim">{proto}</span> <span className="mono">{sideWords(src, proto)}</span> <span className="dim">to</span>{' '}
      <span className="mono">{sideWords(dst, proto)}</span>
    </span>
  );
}
