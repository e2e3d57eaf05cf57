/** Choices of one kind in a list; nothing where there are none. */
export function OptionGroup({ label, options }: { label: string; options: readonly { value: string; text: string }[] }) {
  if (options.length === 0) return null;
  return (
    <optgroup label={label}>
      {options.map(({ value, text }) => (
        <option key={value} value={value}>
          {text}
        </option>
      ))}
    </optgroup>
  );
}
