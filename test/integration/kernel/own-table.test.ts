import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { changeNfTables } from '../../../agent/firewall/tables/nf-batch.ts';
import { ctTimeout } from '../../../agent/policies/ct-timeout.ts';
import { OwnTable } from '../../../agent/policies/own-table.ts';
import { madeParts, partsText, removedPart, type TableParts } from '../../../agent/policies/table-parts.ts';
import { Namespace } from '../../support/namespace.ts';

const why = Namespace.why();
const PARTS: TableParts = {
  timeouts: [
    ctTimeout('udp', 40, {}),
    ctTimeout('tcp', 50, {
      'tcp.synSent': 1,
      'tcp.synRecv': 2,
      'tcp.finWait': 3,
      'tcp.closeWait': 4,
      'tcp.lastAck': 5,
      'tcp.timeWait': 6,
      'tcp.close': 7,
      'tcp.maxRetrans': 8,
      'tcp.unacknowledged': 9,
    }),
  ],
  limits: [
    { name: 'li_src4_0', family: 4 },
    { name: 'li_dst6_0', family: 6 },
  ],
};

describe.skipIf(why !== undefined)(`our own table in the kernel${why ? ` (skipped: ${why})` : ''}`, () => {
  let namespace: Namespace;
  let leave: () => void;
  beforeAll(() => {
    namespace = Namespace.create('ctw-own');
    leave = namespace.enter();
  });
  beforeEach(() => nft('flush ruleset'));
  afterAll(() => {
    leave?.();
    namespace?.remove();
  });

  const nft = (command: string): string => execFileSync('nft', ['-f', '-'], { input: `${command}\n`, encoding: 'utf8' });
  const listed = (): string => execFileSync('nft', ['-n', 'list', 'ruleset'], { encoding: 'utf8' });

  test('has of netlink what nft makes of the same words', () => {
    changeNfTables(madeParts(PARTS));
    const ours = listed();
    nft('flush ruleset');
    nft(partsText(PARTS));
    expect(ours).toBe(listed());
    expect(ours).toContain('ct timeout to_');
  });

  test('is changed as a whole or not at all, and says why not', () => {
    changeNfTables(madeParts(PARTS));
    const before = listed();
    const [good] = madeParts({ timeouts: [], limits: [{ name: 'li_dst4_0', family: 4 }] }).slice(1);
    expect(() => changeNfTables([good!, removedPart('set', 'nobody'), good!])).toThrow(/ENOENT/);
    expect(listed()).toBe(before);
    changeNfTables([...PARTS.limits.map(({ name }) => removedPart('set', name)), removedPart('ct timeout', PARTS.timeouts[0]!.name)]);
    expect(listed().match(/\b(li|to)_\w+/g)).toEqual([PARTS.timeouts[1]!.name]);
  });

  test('is listed again once anything has changed, and else without nft', async () => {
    const table = new OwnTable();
    const { PATH } = process.env;
    const withoutNft = async <T>(work: () => Promise<T>): Promise<T> => {
      process.env.PATH = '/nowhere';
      return work().finally(() => {
        process.env.PATH = PATH;
      });
    };
    expect(await table.found()).toBeUndefined();
    expect(await withoutNft(() => table.found())).toBeUndefined();
    changeNfTables(madeParts(PARTS));
    await expect(withoutNft(() => table.found())).rejects.toThrow('nft is not there');
    const found = await table.found();
    expect(found?.names.sets.map(({ name }) => name)).toEqual(PARTS.limits.map(({ name }) => name));
    expect(await withoutNft(() => table.found())).toBe(found);
    nft('table inet somebody { }');
    await expect(withoutNft(() => table.found())).rejects.toThrow('nft is not there');
  });
});
