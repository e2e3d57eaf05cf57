import { z } from 'zod';
import { defineRoute } from './route.ts';

export const mail = z.object({
  /** Sign-in links are sent by mail; otherwise whoever makes one hands it over. */
  isSet: z.boolean(),
  /** The address that mail comes from. */
  from: z.string().optional(),
  /** For roles over all tenants. */
  server: z.object({ host: z.string(), port: z.number().int(), tls: z.enum(['starttls', 'tls', 'none']), hasUser: z.boolean() }).optional(),
});
export type MailView = z.output<typeof mail>;

export const getMail = defineRoute({
  method: 'GET',
  path: '/mail',
  action: 'people.read',
  summary: 'Whether sign-in links are sent by mail, and from which address; by which server for roles over all tenants',
  status: 200,
  response: mail,
});
export const testMail = defineRoute({
  method: 'POST',
  path: '/mail:test',
  action: 'mail.test',
  isForPeople: true,
  summary: 'Sends a mail to the caller’s own address, and says what the mail server answered; for owners over all tenants',
  status: 200,
  response: z.object({ isTaken: z.boolean(), answer: z.string() }),
});
