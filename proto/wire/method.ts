import { Method } from '../gen/ctfleet/v1/operation.ts';
import { METHOD_WORDS, type MethodWord } from '../model/method.ts';

const METHODS: Record<MethodWord, Method> = {
  delete: Method.METHOD_DELETE,
  reset: Method.METHOD_RESET,
  block: Method.METHOD_BLOCK,
  expire: Method.METHOD_EXPIRE,
};

export function toWireMethod(word: MethodWord): Method {
  return METHODS[word];
}

/** Undefined for a method that this version does not know, which must not be taken for another. */
export function fromWireMethod(method: Method): MethodWord | undefined {
  return METHOD_WORDS.find((word) => METHODS[word] === method);
}

/** The words of methods, in the usual order; unknown methods are left out. */
export function fromWireMethods(methods: readonly Method[]): MethodWord[] {
  return METHOD_WORDS.filter((word) => methods.includes(METHODS[word]));
}

/** For people: the word of a method, or a description of none and of an unknown one. */
export function describeMethod(method: Method): string {
  if (method === Method.METHOD_UNSPECIFIED) return 'none';
  return fromWireMethod(method) ?? `unknown method ${method}`;
}
