'use client';

import { CopyBlock } from '../../ui/copy.tsx';

/** A secret, for the one time that it is shown. */
export function ShownSecret({ name, secret }: { name: string; secret: string }) {
  return (
    <div className="note stack" aria-live="polite">
      <p>
        The secret of <b>{name}</b>. Copy it to where the program reads it: it is shown only here. Whatever is done with it counts as yours
        where a second person is needed.
      </p>
      <CopyBlock text={secret} label="secret" />
    </div>
  );
}
