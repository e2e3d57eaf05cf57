import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { problem } from '../../proto/http/common.ts';
import { ERROR_CODES, FleetError, type ErrorCode } from '../../proto/model/error-codes.ts';
import { invalidRequest, toFleetError, toProblem } from './problem.ts';

describe('a problem', () => {
  it('is well formed for every code, with the status of the table', () => {
    for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
      const body = problem.parse(toProblem(new FleetError(code, 'A sentence.'), '/x', 'trace'));
      expect(body).toMatchObject({ code, status: ERROR_CODES[code].http, detail: 'A sentence.' });
    }
  });

  it('contains the place in a filter, and no internal field', () => {
    const body = toProblem(
      new FleetError('FILTER_UNPARSABLE', 'x', { span: { start: 1, end: 2 }, suggestion: 'y', password: 'secret' }),
      '/x',
      'trace',
    );
    expect(body).toMatchObject({ span: { start: 1, end: 2 }, suggestion: 'y' });
    expect(JSON.stringify(body)).not.toContain('secret');
  });

  it('is short however long the input is that it quotes', () => {
    const name = 'x'.repeat(300_000);
    const { error } = z
      .strictObject({ inner: z.record(z.string(), z.strictObject({})) })
      .safeParse({ [name]: 1, inner: { [name]: { [name]: 1 } } });
    const body = toProblem(invalidRequest(error!, 'body'), '/x', 'trace');
    expect(JSON.stringify(body).length).toBeLessThan(5_000);
    expect(body.issues).toHaveLength(2);
    expect(body.detail).toMatch(/xxx…$/);
  });

  it('reveals nothing about an unexpected error, and reports an unavailable database as temporary', () => {
    expect(toFleetError(new Error('SELECT secret FROM x'))).toMatchObject({
      code: 'INTERNAL',
      message: expect.not.stringContaining('secret'),
    });
    expect(toFleetError(Object.assign(new Error('x'), { code: 'ECONNREFUSED' })).code).toBe('UNAVAILABLE');
    expect(toFleetError(new Error('x', { cause: Object.assign(new Error('y'), { code: '57P01' }) })).code).toBe('UNAVAILABLE');
    expect(toFleetError(new Error('x', { cause: Object.assign(new Error('y'), { code: '53100' }) }))).toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('disk'),
    });
  });
});
