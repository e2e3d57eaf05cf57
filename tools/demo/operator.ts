import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { STATE } from '../set-up.ts';

export interface Operator { email: string; password: string }

const FILE = path.join(STATE, 'operator.json');

/** The demo's operator, the same at every start; `isNew` if it was made now and is not in the database yet. */
export function demoOperator(): { operator: Operator; isNew: boolean } {
  if (existsSync(FILE)) return { operator: JSON.parse(readFileSync(FILE, 'utf8')) as Operator, isNew: false };
  return { operator: { email: 'operator@ctfleet.example', password: randomBytes(15).toString('base64url') }, isNew: true };
}

/** Kept once the database has it. */
export function keepOperator(operator: Operator): void {
  writeFileSync(FILE, `${JSON.stringify(operator)}\n`, { mode: 0o600 });
}
