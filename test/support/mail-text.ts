import fc from 'fast-check';

/** Text that somebody would try in a mail: line ends, headers, other recipients, encoded words, markup, beside whatever else. */
export const mailText: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 20 }),
      fc.constantFrom(
        '\r\n',
        '\n',
        '\r',
        '\u2028',
        '\0',
        'Bcc: evil@example.org',
        '\r\n.\r\n',
        '=?utf-8?q?=0d=0aBcc:x?=',
        '" <evil@example.org>',
        ', evil@example.org',
        'evil@example.org>',
        '(',
        '\\',
        '<script>',
        '"><img src=x>',
        '&',
      ),
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(''));
