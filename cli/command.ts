import type { Client } from '../client/client.ts';
import type { Io } from './io.ts';

/** One option: parsing, help, man page and completion follow from it. */
export interface Option {
  /** Without the dashes. */
  name: string;
  short?: string;
  /** Other long names for the same. */
  aliases?: readonly string[];
  /** What stands for its value; absent for a switch. */
  value?: string;
  /** The value may be left out, as with conntrack's `-n`. */
  isValueOptional?: true;
  choices?: readonly string[];
  isRepeatable?: true;
  words: string;
}

/** Options under one heading of the help. */
export interface OptionGroup {
  title: string;
  options: readonly Option[];
}

export interface Argument {
  name: string;
  words: string;
  isOptional?: true;
}

/** The given options by canonical name: the values, or an empty text for a switch. */
export type Given = Readonly<Partial<Record<string, readonly string[]>>>;

/** A command as it was typed. */
export interface Call {
  io: Io;
  given: Given;
  args: readonly string[];
  /** The controller of the chosen context. Throws UsageError without one. */
  client(): Client;
}

/** A command: `run` returns the exit code. */
export interface Command {
  words: readonly string[];
  /** One line without a full stop. */
  summary: string;
  /** More sentences, for the help of the command itself. */
  details?: string;
  args?: readonly Argument[];
  groups: readonly OptionGroup[];
  examples?: readonly string[];
  run(call: Call): Promise<number>;
}

/** The only value of an option that is not repeatable. */
export function valueOf(given: Given, name: string): string | undefined {
  return given[name]?.[0];
}

export function has(given: Given, name: string): boolean {
  return given[name] !== undefined;
}
