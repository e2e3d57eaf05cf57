// npm run build: everything that runs, made from its sources.
import { build } from './set-up.ts';

await build();
