// Writes docs/api/openapi.json from the routes; a test compares them. Needs the build.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { openApiDocument } from '../controller/platform/openapi.ts';

writeFileSync(path.resolve(import.meta.dirname, '../docs/api/openapi.json'), `${JSON.stringify(openApiDocument(), null, 1)}\n`);
