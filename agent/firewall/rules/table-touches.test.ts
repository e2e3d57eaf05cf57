import { beforeEach, describe, expect, test } from 'vitest';
import { AttributeWriter } from '../../netlink/attributes.ts';
import { GENERATION, NFT_MSG, TABLE } from './nf-tables.ts';
import { FAMILY } from './ruleset.ts';
import { TableTouches } from './table-touches.ts';

let touches: TableTouches;
beforeEach(() => {
  touches = new TableTouches({ family: FAMILY.inet, name: 'ours' });
});

/** A transaction that makes a rule in these tables. */
function transact(pid: number, ...tables: string[]): void {
  for (const table of tables) about(table);
  generation({ pid, name: `nft-${pid}` });
}

function about(table: string, family: number = FAMILY.inet): void {
  const body = new AttributeWriter();
  body.raw(Uint8Array.of(family, 0, 0, 0));
  body.text(TABLE.NAME, table);
  touches.add({ type: NFT_MSG.NEWRULE, body: body.finish() });
}

function generation(task: { pid?: number; name?: string }): void {
  const body = new AttributeWriter();
  body.raw(Uint8Array.of(0, 0, 0, 0));
  body.u32(GENERATION.ID, 7);
  if (task.pid !== undefined) body.u32(GENERATION.PROC_PID, task.pid);
  if (task.name !== undefined) body.text(GENERATION.PROC_NAME, task.name);
  touches.add({ type: NFT_MSG.NEWGEN, body: body.finish() });
}

const pids = (): number[] => touches.touches().map(({ pid }) => pid);

describe('who changed a table', () => {
  test('is the task whose transaction is about it, the last first', () => {
    transact(1, 'theirs');
    transact(2, 'theirs', 'ours');
    transact(3, 'ours');
    transact(4, 'ours-too', 'our');
    expect(touches.touches()).toEqual([
      { at: 3, pid: 3, name: 'nft-3' },
      { at: 2, pid: 2, name: 'nft-2' },
    ]);
  });

  test('is nobody who changed a table of that name in another family', () => {
    about('ours', FAMILY.ip);
    generation({ pid: 1, name: 'nft' });
    expect(pids()).toEqual([]);
  });

  test('is not known of a kernel that does not say it', () => {
    about('ours');
    generation({});
    expect([pids(), touches.heard]).toEqual([[], 1]);
  });

  test('is forgotten up to what was heard then', () => {
    transact(1, 'ours');
    const { heard } = touches;
    transact(2, 'ours');
    touches.forget(heard);
    expect(pids()).toEqual([2]);
  });

  test('is not known once messages were lost, until a transaction is heard as a whole', () => {
    transact(1, 'ours');
    about('ours');
    touches.lose();
    about('ours');
    // Its beginning may have been lost, or that of another one may have come before.
    generation({ pid: 2, name: 'nft' });
    expect(pids()).toEqual([]);
    transact(3, 'ours');
    expect(pids()).toEqual([3]);
  });

  test('is remembered of the last few alone', () => {
    for (let pid = 1; pid <= 100; pid++) transact(pid, 'ours');
    expect([pids().length, pids()[0]]).toEqual([16, 100]);
  });
});
