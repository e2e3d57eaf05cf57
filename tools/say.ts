/** Talk goes to standard error; standard output is for what scripts read. */
export function say(text: string): void {
  console.error(`ctfleet: ${text}`);
}

/** Says why and ends with 1. */
export function fail(text: string): never {
  say(text);
  process.exit(1);
}
