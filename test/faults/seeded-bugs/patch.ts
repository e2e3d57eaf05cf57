/** A change of one source file: `find` stands in it exactly once. Files of the controller are the built ones, which Node runs as they are. */
export interface Patch { file: string; find: string; replace: string }

/** Throws if the text to find is not there, or is there more than once: the product has moved on, and so must the bug. */
export function applyPatch(source: string, { file, find, replace }: Patch): string {
  const count = source.split(find).length - 1;
  if (count !== 1) throw new Error(`a seeded bug no longer applies: ${JSON.stringify(find)} stands ${count} times in ${file}`);
  return source.replace(find, () => replace);
}
