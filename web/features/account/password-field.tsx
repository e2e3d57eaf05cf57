/** The current password, asked again where it matters. */
export function PasswordField({ label = 'Your password', isNew = false, value, onChange }: PasswordFieldProps) {
  return (
    <label>
      {label}
      <span className="input">
        <input
          type="password"
          autoComplete={isNew ? 'new-password' : 'current-password'}
          value={value}
          maxLength={256}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      </span>
    </label>
  );
}

interface PasswordFieldProps {
  label?: string;
  isNew?: boolean;
  value: string;
  onChange(value: string): void;
}
