/**
 * A change to one source file: `find` occurs in it exactly once, whatever its line breaks, and is replaced by `replace`. Files of the
 * controller are the built ones, which Node runs as they are.
 */
export interface Patch {
  file: string;
  find: string;
  replace: string;
}

/** Throws if the text to find is missing, or occurs more than once: the product has moved on, and so must the bug. */
export function applyPatch(source: string, { file, find, replace }: Patch): string {
  const [text, wanted] = [withoutLayout(source), withoutLayout(find)];
  const count = text.characters.split(wanted.characters).length - 1;
  if (count !== 1) throw new Error(`a seeded bug no longer applies: ${JSON.stringify(find)} stands ${count} times in ${file}`);
  const first = text.characters.indexOf(wanted.characters);
  const end = text.places[first + wanted.characters.length - 1]! + 1;
  return source.slice(0, text.places[first]) + replace.trim() + source.slice(end);
}

/** What a formatter leaves unchanged, with the place of each character: no white space, and no comma before a closing bracket. */
function withoutLayout(source: string): { characters: string; places: number[] } {
  const kept: number[] = [];
  for (let place = 0; place < source.length; place++) {
    if (/\s/.test(source[place]!)) continue;
    if (/[)\]}]/.test(source[place]!) && source[kept.at(-1) ?? -1] === ',') kept.pop();
    kept.push(place);
  }
  return { characters: kept.map((place) => source[place]).join(''), places: kept };
}
