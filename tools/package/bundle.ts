import { readFileSync } from 'node:fs';
import path from 'node:path';
import { rolldown } from 'rolldown';
import { fail } from '../say.ts';
import { ROOT } from '../set-up.ts';

const AGENT = path.join(ROOT, 'build/agent');
/** How the agent names a file of its own that it starts as a thread or as a program: beside the one that names it. */
const BESIDE = /'\.\/([\w-]+)\.js', import\.meta\.url/g;
/** A native part, which a bundle cannot contain. */
const NATIVE = 'koffi';

/** What a bundle is made of. `packages`: folders below node_modules, as package-lock.json has them. */
export interface Bundle {
  files: string[];
  packages: string[];
}

/**
 * Bundles the built agent into one folder: main.js, one file for each thread or program that it starts, and what they share. Fails where a
 * file that is to be started does not exist, because a missing thread would only be seen on a gateway.
 */
export async function bundleAgent(folder: string): Promise<Bundle> {
  const input: Record<string, string> = { main: path.join(AGENT, 'main.js') };
  const seen = new Set<string>();
  for (let found = [input.main!]; found.length > 0;) found = found.flatMap((file) => visit(file));
  const build = await rolldown({
    input,
    platform: 'node',
    external: [NATIVE],
    plugins: [
      {
        name: 'beside',
        transform: (code, id) =>
          id.startsWith(AGENT) && code.includes('import.meta.url')
            ? { code: code.replace(BESIDE, (_, name) => beside(id, String(name))) }
            : null,
      },
    ],
  });
  const { output } = await build.write({
    dir: folder,
    format: 'esm',
    minify: { compress: true, mangle: { keepNames: true } as never, codegen: true } as never,
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
  });
  await build.close();
  const modules = output.flatMap((one) => (one.type === 'chunk' ? Object.keys(one.modules) : []));
  const packages = modules.flatMap(
    (id) => /^.*?(node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+)\//.exec(path.relative(ROOT, id))?.[1] ?? [],
  );
  return { files: output.map(({ fileName }) => fileName).sort(), packages: [...new Set(packages)].sort() };

  /** Follows imports, and notes what is started beside them. */
  function visit(file: string): string[] {
    if (seen.has(file)) return [];
    seen.add(file);
    const code = read(file);
    const started = [...code.matchAll(BESIDE)].map(([, name]) => path.join(path.dirname(file), `${name}.js`));
    for (const one of started) input[nameOf(one)] = one;
    const imported = [...code.matchAll(/\bfrom '(\.[^']+)'/g)].map(([, name]) => path.resolve(path.dirname(file), name!));
    return [...started, ...imported];
  }
}

function beside(id: string, name: string): string {
  return `'./${nameOf(path.join(path.dirname(id), `${name}.js`))}.js', import.meta.url`;
}

/** `conntrack-kernel-worker`: all files lie in one folder, and several are called worker. */
function nameOf(file: string): string {
  return path.relative(AGENT, file).replace(/\.js$/, '').replaceAll(path.sep, '-');
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return fail(`${path.relative(ROOT, file)} is needed by the agent and was not built.`);
  }
}
