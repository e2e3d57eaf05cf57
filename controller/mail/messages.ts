/** A mail as plain text and as HTML that says the same: no picture, no style, nothing that is fetched when it is opened. */
export interface Message {
  subject: string;
  text: string;
  html: string;
}

/** What a mail with a sign-in link is for. */
export type Kind = 'invitation' | 'link' | 'reset';

interface LinkFacts {
  /** Of the person, and of whoever asked for the link. */
  name: string;
  askedByName: string;
  link: string;
  expiresAt: string;
  publicUrl: string;
}

/** A part of a mail: a paragraph, or a link on a line of its own. */
type Part = string | { link: string };

const IGNORE = 'If you did not expect this, ignore it: without the link nobody gets in.';

/** The mail with a link by which a person chooses a password. */
export function linkMessage(kind: Kind, { name, askedByName, link, expiresAt, publicUrl }: LinkFacts): Message {
  const endsAt = `${expiresAt.replace('T', ' ').slice(0, 16)} UTC`;
  const until = `The link works once, until ${endsAt}. Give it to nobody: whoever opens it first becomes you.`;
  const hello = `Hello ${name},`;
  switch (kind) {
    case 'invitation':
      return compose('You are invited to ctfleet', [
        hello,
        `${askedByName} has invited you to ctfleet at ${publicUrl}. Choose a password here:`,
        { link },
        until,
        IGNORE,
      ]);
    case 'link':
      return compose('A sign-in link for ctfleet', [
        hello,
        `${askedByName} has made you a link to choose a new password for ctfleet at ${publicUrl}:`,
        { link },
        until,
        IGNORE,
      ]);
    case 'reset':
      return compose('A new password for ctfleet', [
        hello,
        `somebody, probably you, asked for a new password for ctfleet at ${publicUrl}. Choose it here:`,
        { link },
        until,
        'If it was not you, ignore this: your password stays as it is.',
      ]);
  }
}

/** What an owner sends to see whether mail works. */
export function testMessage(name: string, publicUrl: string): Message {
  return compose('Test of ctfleet’s mail', [`Hello ${name},`, `this is the test that you asked for at ${publicUrl}. Mail works.`]);
}

/** A mail of paragraphs and links; whatever names are in it, each paragraph is one line and no markup. */
export function compose(subject: string, parts: Part[]): Message {
  const text = parts.map((part) => (typeof part === 'string' ? oneLine(part) : part.link)).join('\n\n');
  const html = parts.map((part) =>
    typeof part === 'string'
      ? `<p>${escapeHtml(oneLine(part))}</p>`
      : `<p><a href="${escapeHtml(part.link)}">${escapeHtml(part.link)}</a></p>`,
  );
  return { subject, text: `${text}\n`, html: `<!doctype html><html lang="en"><body>${html.join('')}</body></html>` };
}

/** Names are one line wherever they come from: no paragraph of a mail is somebody else's. */
export const oneLine = (text: string): string => text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escapeHtml = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character]!);
