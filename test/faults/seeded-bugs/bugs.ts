import type { InvariantName } from '../invariants.ts';
import { AGENT_BUGS } from './agent-bugs.ts';
import { CONTROLLER_BUGS } from './controller-bugs.ts';
import type { Patch } from './patch.ts';

/** A mistake that somebody could make, the promise that it breaks, and the scenario in which it shows. */
export interface SeededBug {
  name: string;
  breaks: InvariantName;
  scenario: string;
  patches: Patch[];
}

const BUGS: readonly SeededBug[] = [...AGENT_BUGS, ...CONTROLLER_BUGS];

export function bugNamed(name: string): SeededBug {
  const bug = BUGS.find((one) => one.name === name);
  if (!bug) throw new Error(`there is no seeded bug "${name}". There are: ${BUGS.map((one) => one.name).join(', ')}`);
  return bug;
}
