import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** A test as documents name it: its file from the root, and its title or a distinctive part of it. */
export interface NamedTest {
  file: string;
  name: string;
}

/** Those that do not exist: the file is not there, or the name is nowhere in it. */
export function missingTests(root: string, tests: readonly NamedTest[]): NamedTest[] {
  return tests.filter(
    ({ file, name }) => !existsSync(path.join(root, file)) || !readFileSync(path.join(root, file), 'utf8').includes(name),
  );
}
