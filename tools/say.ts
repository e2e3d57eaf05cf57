/** Messages go to standard error; standard output is for what scripts read. */
export function say(text: string): void {
  console.error(`ctfleet: ${text}`);
}

/** Prints why and exits with status 1. */
export function fail(text: string): never {
  say(text);
  process.exit(1);
}
