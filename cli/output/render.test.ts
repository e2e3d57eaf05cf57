import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { FORMATS } from '../options.ts';
import { render, renderOne, type Style } from './render.ts';
import { toYaml } from './yaml.ts';

interface Row {
  name: string;
  flows?: number;
}
const columns = [
  { name: 'name', of: ({ name }: Row) => name },
  { name: 'flows now', of: ({ flows }: Row) => flows, isRight: true as const },
  { name: 'twice', of: ({ flows = 0 }: Row) => flows * 2, isWide: true as const },
];
const nameOf = ({ name }: Row): string => name;
const style = (format: Style['format'], hasColour = false): Style => ({ format, hasHeaders: true, hasColour });
/** What a terminal obeys, beside the line ends of rows, and tabs, which a cell of CSV keeps. */
const OBEYED = /[^\P{Cc}\n\r\t]|[\u202a-\u202e\u2066-\u2069\u2028\u2029]/u;

describe('a list', () => {
  const rows = [{ name: 'gw-1', flows: 1000 }, { name: 'a' }];

  it('is a table whose unknown cells are dashes, wider on request', () => {
    expect(render({ columns, rows, nameOf }, style('table'))).toBe('NAME  FLOWS NOW\ngw-1       1000\na             –\n');
    expect(render({ columns, rows, nameOf }, style('wide'))).toContain('TWICE');
    expect(render({ columns, rows, nameOf }, { ...style('table'), hasHeaders: false })).toBe('gw-1  1000\na        –\n');
  });

  it('has colour only where the terminal takes it', () => {
    expect(render({ columns, rows, nameOf }, style('table', true)).startsWith('\u001b[1mNAME')).toBe(true);
    expect(render({ columns, rows, nameOf }, style('table'))).not.toContain('\u001b');
  });

  it('is CSV that no spreadsheet evaluates', () => {
    expect(render({ columns, rows: [{ name: '=cmd|calc', flows: 1 }], nameOf }, style('csv'))).toBe(
      "name,flows_now,twice\r\n'=cmd|calc,1,2\r\n",
    );
  });

  it('writes nothing that a terminal obeys, in any format, whatever a name has', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.constantFrom(...FORMATS), (name, format) => {
        const row = { name: `${name}\u001b]0;x\u0007\u009b31m\u202e`, flows: 1 };
        expect(render({ columns, rows: [row], nameOf }, style(format))).not.toMatch(OBEYED);
        expect(renderOne([['name', row.name]], style(format), row)).not.toMatch(OBEYED);
      }),
    );
  });

  it('keeps one line for each row in tables, names and NDJSON', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary' }), { minLength: 1 }),
        fc.constantFrom('table', 'name', 'ndjson'),
        (names, format) => {
          const text = render({ columns, rows: names.map((name) => ({ name })), nameOf }, { ...style(format), hasHeaders: false });
          expect(text.split('\n')).toHaveLength(names.length + 1);
        },
      ),
    );
  });
});

describe('YAML', () => {
  it('reads back as the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false } as never), (value) => {
        const same = JSON.parse(JSON.stringify(value)) as unknown;
        expect(parse(toYaml(same))).toEqual(same);
      }),
    );
  });

  it('quotes what another reader takes for something else', () => {
    expect(toYaml({ no: 'yes', state: 'online', mark: '0x1', at: '2026-12-01' })).toBe(
      '"no": "yes"\nstate: online\nmark: "0x1"\nat: "2026-12-01"\n',
    );
  });
});
