import type { z } from 'zod';
import { Method } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { method } from '../../proto/http/plans.ts';

/** A way to end flows, as the API says it. */
export type MethodWord = z.output<typeof method>;

const METHODS: Record<MethodWord, Method> = { delete: Method.METHOD_DELETE, reset: Method.METHOD_RESET, block: Method.METHOD_BLOCK, expire: Method.METHOD_EXPIRE };

export function toWireMethod(word: MethodWord): Method {
  return METHODS[word];
}

/** The words of methods; those that this version does not know are left out. */
export function fromWireMethods(methods: readonly Method[]): MethodWord[] {
  return (Object.keys(METHODS) as MethodWord[]).filter((word) => methods.includes(METHODS[word]));
}
