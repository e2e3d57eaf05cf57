import { Controller, Inject } from '@nestjs/common';
import type { z } from 'zod';
import { getMail, testMail, type MailView } from '../../proto/http/mail.ts';
import { Called, Handles, type Call } from '../platform/route-decorators.ts';
import { MailService } from './mail.service.ts';

@Controller()
export class MailController {
  constructor(@Inject(MailService) private readonly mail: MailService) {}

  @Handles(getMail)
  get(@Called() { scope }: Call<typeof getMail>): MailView {
    return this.mail.show(scope);
  }

  @Handles(testMail)
  test(@Called() { caller, scope }: Call<typeof testMail>): Promise<z.output<typeof testMail.response>> {
    return this.mail.test(caller, scope);
  }
}
