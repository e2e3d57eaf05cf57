import { Injectable } from '@nestjs/common';
import { ConcurrencyLimit } from '../platform/concurrency-limit.ts';

const AT_ONCE = 6;

/** Limits how many sessions are opened at once, however many agents arrive at the same moment. */
@Injectable()
export class Admission extends ConcurrencyLimit {
  constructor() {
    super(AT_ONCE);
  }
}
