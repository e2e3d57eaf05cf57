import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export interface Operator {
  email: string;
  password: string;
}

/** The demo's operator, the same at every start; `isNew` if it was just created and is not in the database yet. */
export function demoOperator(stateDir: string): { operator: Operator; isNew: boolean } {
  const file = fileOf(stateDir);
  if (existsSync(file)) return { operator: JSON.parse(readFileSync(file, 'utf8')) as Operator, isNew: false };
  return { operator: { email: 'operator@ctfleet.example', password: randomBytes(15).toString('base64url') }, isNew: true };
}

/** Saves the operator, once the database has it. */
export function keepOperator(stateDir: string, operator: Operator): void {
  writeFileSync(fileOf(stateDir), `${JSON.stringify(operator)}\n`, { mode: 0o600 });
}

function fileOf(stateDir: string): string {
  return path.join(stateDir, 'operator.json');
}
