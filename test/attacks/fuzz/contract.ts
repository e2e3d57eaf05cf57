import { createFileRegistry, fromBinary, type DescMessage, type FileRegistry } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { execFileSync } from 'node:child_process';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '../../..');

/** The current contract, as its own compiler reads it. */
export function readContract(): (name: string) => DescMessage {
  const set = execFileSync(path.join(ROOT, 'node_modules/.bin/buf'), ['build', '--as-file-descriptor-set', '-o', '-'], {
    cwd: path.join(ROOT, 'proto'),
    maxBuffer: 16 << 20,
  });
  const registry: FileRegistry = createFileRegistry(fromBinary(FileDescriptorSetSchema, set));
  return (name) => {
    const schema = registry.getMessage(`ctfleet.v1.${name}`);
    if (!schema) throw new Error(`the contract has no message ${name}`);
    return schema;
  };
}
