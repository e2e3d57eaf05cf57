import { Injectable } from '@nestjs/common';
import { Lanes } from '../platform/lanes.ts';

const AT_ONCE = 6;

/** Sessions opened and sample batches written at once, however many agents come at the same moment. */
@Injectable()
export class Admission extends Lanes {
  constructor() {
    super(AT_ONCE);
  }
}
