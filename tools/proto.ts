// npm run proto: writes code from the contract.
import { generate } from './set-up.ts';

await generate();
