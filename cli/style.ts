import { has, valueOf, type Given } from './command.ts';
import type { Io } from './io.ts';
import type { Format } from './options.ts';
import type { Style } from './output/render.ts';

/** How a command writes, by its options and the terminal (https://no-color.org). */
export function styleOf(given: Given, { env, isOutputTerminal }: Pick<Io, 'env' | 'isOutputTerminal'>): Style {
  return {
    format: (valueOf(given, 'output') ?? 'table') as Format,
    hasHeaders: !has(given, 'no-headers'),
    hasColour: isOutputTerminal && !env.NO_COLOR && env.TERM !== 'dumb',
  };
}

/** True for a format that people read. */
export function isForReading({ format }: Pick<Style, 'format'>): boolean {
  return format === 'table' || format === 'wide';
}
