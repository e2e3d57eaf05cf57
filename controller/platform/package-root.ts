import { existsSync } from 'node:fs';
import path from 'node:path';

/** The folder of package.json: above this file both in the sources and in the build. */
export function packageRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(path.join(folder, 'package.json'))) {
    const parent = path.dirname(folder);
    if (parent === folder) throw new Error('package.json is not above the controller');
    folder = parent;
  }
  return folder;
}
