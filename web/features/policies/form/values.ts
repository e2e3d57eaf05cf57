/** How the text of a field becomes the value of its place; what it cannot be stays text, and the reader of policies says why. */

export const asWord = (text: string): unknown => text.trim() || undefined;

export const asNumber = (text: string): unknown => {
  const trimmed = text.trim();
  return /^\d{1,15}$/.test(trimmed) ? Number(trimmed) : trimmed || undefined;
};

/** One value, or several with commas or spaces between them. */
export const asList = (text: string): unknown => listOf(text, (one) => one);
export const asPorts = (text: string): unknown => listOf(text, (one) => (/^\d{1,15}$/.test(one) ? Number(one) : one));

function listOf(text: string, toValue: (one: string) => unknown): unknown {
  const items = text.split(/[\s,]+/).filter((one) => one !== '');
  return items.length > 1 ? items.map(toValue) : items.length === 1 ? toValue(items[0]!) : undefined;
}

/** A choice between on, off and nothing, and `auto` where that is one. */
export const asSwitch = (text: string): unknown => (text === '' ? undefined : text === 'auto' ? text : text === 'true');
