import { Injectable } from '@nestjs/common';

/** Whether this process takes new work; a load balancer asks /readyz. */
@Injectable()
export class Readiness {
  isDraining = false;
}
