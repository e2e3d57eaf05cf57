import type { Plan } from '../../proto/http/plans.ts';

type Method = Plan['method'];

/** The ways to end a flow: what each does, and what its seconds mean where it has any. `ends` is the verb of buttons and titles. */
export const METHODS: readonly {
  value: Method;
  word: string;
  ends: string;
  does: string;
  forWords: string;
  forSeconds?: number;
  isUndoable: boolean;
}[] = [
  {
    value: 'delete',
    word: 'Delete',
    ends: 'Delete',
    does: 'Forgets the entry; the next packet makes a new one by the route that holds then. Can be undone for a while.',
    forWords: '',
    isUndoable: true,
  },
  {
    value: 'reset',
    word: 'Reset',
    ends: 'Reset',
    does: 'Answers the next TCP packet of either side with an RST, so that both reconnect; what stays silent is deleted. Cannot be undone.',
    forWords: 'Wait for a packet',
    forSeconds: 10,
    isUndoable: false,
  },
  {
    value: 'block',
    word: 'Block',
    ends: 'Block',
    does: 'Refuses all packets that the filter describes for a while, also of flows that begin later, and deletes what is open. Can be lifted early; what is deleted cannot be undone.',
    forWords: 'Refuse for',
    forSeconds: 60,
    isUndoable: false,
  },
  {
    value: 'expire',
    word: 'Expire',
    ends: 'Expire',
    does: 'Fixes the time that is left, whatever traffic there is: open work can finish. Cannot be undone.',
    forWords: 'End in',
    forSeconds: 30,
    isUndoable: false,
  },
];

export function methodOf(value: Method): (typeof METHODS)[number] {
  return METHODS.find((one) => one.value === value)!;
}
