// npm run build: builds everything that runs.
import { build } from './set-up.ts';

await build();
