import { Tooltip } from '@mantine/core';
import type { Icon } from '@tabler/icons-react';
import type { ReactNode, Ref } from 'react';

export interface ButtonProps {
  children?: ReactNode;
  kind?: 'plain' | 'quiet' | 'primary' | 'danger-line' | 'danger';
  size?: 'slim' | 'normal' | 'large';
  icon?: Icon;
  /** The keyboard shortcut. */
  keys?: string;
  /** Why it is disabled now; greys it out and shows the reason on hover and focus. */
  refusal?: string;
  label?: string;
  type?: 'button' | 'submit';
  onClick?(): void;
  ref?: Ref<HTMLButtonElement>;
}

/** A button. A disabled one stays focusable, so that its reason can be read. */
export function Button({
  children,
  kind = 'plain',
  size = 'normal',
  icon: Glyph,
  keys,
  refusal,
  label,
  type = 'button',
  onClick,
  ref,
}: ButtonProps) {
  const button = (
    <button
      ref={ref}
      type={type}
      className={`btn ${kind} ${size} ${children === undefined ? 'square' : ''}`}
      aria-label={label}
      aria-disabled={refusal !== undefined}
      onClick={(event) => (refusal === undefined ? onClick?.() : event.preventDefault())}
    >
      {Glyph && <Glyph className="i s" stroke={1.75} aria-hidden />}
      {children}
      {keys && <kbd aria-hidden>{keys}</kbd>}
    </button>
  );
  return refusal ? (
    <Tooltip label={refusal} events={{ hover: true, focus: true, touch: true }}>
      {button}
    </Tooltip>
  ) : (
    button
  );
}

/** A choice between a few options, one of which is selected. */
export function Segments<T extends string>({
  label,
  value,
  options,
  onChange,
  isSlim,
}: {
  label: string;
  value: T;
  options: readonly { value: NoInfer<T>; text: ReactNode }[];
  onChange(value: NoInfer<T>): void;
  isSlim?: boolean;
}) {
  return (
    <span className={`seg ${isSlim ? 'slim' : ''}`} role="group" aria-label={label}>
      {options.map((option) => (
        <button key={option.value} type="button" aria-pressed={option.value === value} onClick={() => onChange(option.value)}>
          {option.text}
        </button>
      ))}
    </span>
  );
}
