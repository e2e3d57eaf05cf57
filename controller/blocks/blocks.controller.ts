import { Controller, Inject } from '@nestjs/common';
import type { z } from 'zod';
import { liftBlock, listBlocks } from '../../proto/http/blocks.ts';
import { Called, Handles, type Call } from '../platform/route-decorators.ts';
import { BlocksService } from './blocks.service.ts';

@Controller()
export class BlocksController {
  constructor(@Inject(BlocksService) private readonly blocks: BlocksService) {}

  @Handles(listBlocks)
  list(@Called() { scope, query }: Call<typeof listBlocks>): Promise<z.output<typeof listBlocks.response>> {
    return this.blocks.list(scope, query);
  }

  @Handles(liftBlock)
  lift(@Called() { caller, scope, params }: Call<typeof liftBlock>): Promise<z.output<typeof liftBlock.response>> {
    return this.blocks.lift(caller, scope, params.id);
  }
}
