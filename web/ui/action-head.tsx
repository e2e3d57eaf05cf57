/** The head of a column of buttons, which only a screen reader needs. */
export function ActionHead() {
  return (
    <th>
      <span className="sr">Action</span>
    </th>
  );
}
