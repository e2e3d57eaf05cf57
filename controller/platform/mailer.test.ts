import fc from 'fast-check';
import { createTransport } from 'nodemailer';
import { expect, it } from 'vitest';
import { toSent } from './mailer.ts';
import { mailText } from '../../test/support/mail-text.ts';

const FROM = { name: 'ctfleet', address: 'ctfleet@example.net' };
const CONTENT = { text: 'Hello', html: '<p>Hello</p>' };

const transport = createTransport({ streamTransport: true, buffer: true, disableFileAccess: true, disableUrlAccess: true });

async function rawOf(name: string, subject: string): Promise<string> {
  const sent = toSent(FROM, { to: { name, address: 'ada@example.net' }, subject, ...CONTENT });
  const { message, envelope } = await transport.sendMail(sent);
  expect(envelope).toEqual({ from: FROM.address, to: ['ada@example.net'] });
  return message.toString();
}

/** The headers of a mail, unfolded. */
function headersOf(raw: string): Map<string, string> {
  const lines = raw.split('\r\n\r\n')[0]!.split(/\r?\n(?![ \t])/);
  // A long value may begin on the next line.
  expect(lines.every((line) => /^[\w-]+:\s/.test(line))).toBe(true);
  return new Map(
    lines.map((line) => [line.split(':')[0]!.toLowerCase(), line.slice(line.indexOf(':') + 2).replaceAll(/\r?\n[ \t]+/g, ' ')]),
  );
}

it('a mail has our headers and one recipient, whatever the name of a person and a subject are made of', async () => {
  const expected = headersOf(await rawOf('Ada', 'Subject'));
  await fc.assert(
    fc.asyncProperty(mailText, mailText, async (name, subject) => {
      const headers = headersOf(await rawOf(name, `x${subject}`));
      expect([...headers.keys()]).toEqual([...expected.keys()]);
      // What is quoted, and encoded words, are text.
      const to = headers
        .get('to')!
        .replaceAll(/"(?:[^"\\]|\\.)*"/g, '')
        .replaceAll(/=\?[^?]*\?[^?]*\?[^?]*\?=/g, '');
      expect(to.match(/[^\s<>,]+@[^\s<>,]+/g)).toEqual(['ada@example.net']);
    }),
    { numRuns: 300 },
  );
});
