import { parseSync, Visitor } from 'oxc-parser';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** One import or re-export: `target` is a path from the root, or the name of a package. */
export interface Import {
  target: string;
  isTypeOnly: boolean;
}

/** A source with what it imports. Paths are from the root, with slashes. */
export interface SourceFile {
  path: string;
  text: string;
  imports: Import[];
}

const IGNORED = /\.test\.tsx?$|node_modules|\.next\/|\/gen\/|\/generated\/|next-env\.d\.ts$/;

/** All sources of the product and its tools, without tests and generated code. */
export function readSources(root: string): SourceFile[] {
  return globSync('{proto,agent,controller,web,client,cli,tools}/**/*.{ts,tsx}', {
    cwd: root,
    exclude: (name) => /node_modules|^\.next$/.test(name),
  })
    .filter((file) => !IGNORED.test(file))
    .map((file) => toSourceFile(file, readFileSync(path.join(root, file), 'utf8')));
}

/** Parses a source. Throws an Error that names the file if it is not TypeScript. */
export function toSourceFile(file: string, text: string): SourceFile {
  const { module, program, errors } = parseSync(file, text);
  if (errors[0]) throw new Error(`${file}: ${errors[0].message}`);
  const imports: Import[] = [];
  const add = (specifier: string, isTypeOnly: boolean): void => {
    const isRelative = specifier.startsWith('.');
    imports.push({
      target: isRelative ? path.posix.normalize(path.posix.join(path.posix.dirname(file), specifier)) : packageOf(specifier),
      isTypeOnly,
    });
  };
  for (const { moduleRequest, entries } of module.staticImports)
    add(moduleRequest.value, entries.length > 0 && entries.every(({ isType }) => isType));
  for (const { entries } of module.staticExports)
    for (const { moduleRequest, isType } of entries) if (moduleRequest) add(moduleRequest.value, isType);
  new Visitor({
    ImportExpression: ({ source }) => {
      if (source.type === 'Literal' && typeof source.value === 'string') add(source.value, false);
    },
    TSImportType: ({ source }) => add(source.value, true),
    TSImportEqualsDeclaration: ({ moduleReference }) => {
      if (moduleReference.type === 'TSExternalModuleReference') add(moduleReference.expression.value, false);
    },
  }).visit(program);
  return { path: file, text, imports };
}

/** `@scope/name/part` and `name/part` without the part; Node's own modules with `node:`. */
function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
