// npm run proto: generates code from the contract.
import { generate } from './set-up.ts';

await generate();
