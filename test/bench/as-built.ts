import { registerHooks } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const ROOT = `${pathToFileURL(path.resolve(import.meta.dirname, '../..')).href}/`;
const BUILT = /^(agent|controller|proto)\/(.*)\.ts$/;

/** Modules imported from now on are those that the build made: Node runs no decorators. */
export function importAsBuilt(): void {
  registerHooks({
    resolve(specifier, context, next) {
      const found = next(specifier, context);
      const own = found.url.startsWith(ROOT) ? BUILT.exec(found.url.slice(ROOT.length)) : null;
      return own ? { ...found, url: `${ROOT}build/${own[1]}/${own[2]}.js`, format: 'module' } : found;
    },
  });
}
