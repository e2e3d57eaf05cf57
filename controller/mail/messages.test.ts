import fc from 'fast-check';
import { expect, it } from 'vitest';
import { linkMessage, testMessage, type Kind } from './messages.ts';
import { mailText } from '../../test/support/mail-text.ts';

const FACTS = {
  name: 'Ada',
  askedByName: 'Grace',
  link: 'https://ctfleet.example.net/welcome#ctfl_secret',
  expiresAt: '2026-11-30T12:34:56.000Z',
  publicUrl: 'https://ctfleet.example.net',
};
const KINDS: Kind[] = ['invitation', 'link', 'reset'];

it('says who asked, gives the link once on a line of its own, and until when it works', () => {
  for (const kind of KINDS) {
    const { text, html, subject } = linkMessage(kind, FACTS);
    expect(text.split('\n').filter((line) => line === FACTS.link)).toHaveLength(1);
    expect(text).toContain('until 2026-11-30 12:34 UTC');
    expect(html.match(/href="[^"]*"/g)).toEqual([`href="${FACTS.link}"`]);
    expect(subject).not.toContain('\n');
    if (kind !== 'reset') expect(text).toContain('Grace has');
  }
  expect(testMessage('Ada', FACTS.publicUrl).text).toContain('Mail works');
});

it('whatever names are made of, they are text: no line, tag, address or image of a mail is theirs', () => {
  fc.assert(
    fc.property(mailText, mailText, fc.constantFrom(...KINDS), (name, askedByName, kind) => {
      const plain = linkMessage(kind, FACTS);
      const { text, html, subject } = linkMessage(kind, { ...FACTS, name, askedByName });
      expect(subject).toBe(plain.subject);
      expect(text.split(/[\n\r\u2028\u2029]/).length).toBe(plain.text.split('\n').length);
      expect(html.match(/<[^>]*>/g)).toEqual(plain.html.match(/<[^>]*>/g));
    }),
    { numRuns: 500 },
  );
});
