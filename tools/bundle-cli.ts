import path from 'node:path';
import { rolldown } from 'rolldown';
import { ROOT } from './set-up.ts';

/** Writes the command line as one file that needs no package. */
export async function bundleCli(file: string): Promise<void> {
  const bundle = await rolldown({ input: path.join(ROOT, 'cli/main.ts'), platform: 'node' });
  await bundle.write({ file, format: 'esm', minify: true, codeSplitting: false });
  await bundle.close();
}
