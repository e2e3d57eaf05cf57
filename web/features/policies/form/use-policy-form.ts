'use client';

import { useMemo, useState } from 'react';
import type { Document } from 'yaml';
import type { PolicyDocument } from '../../../../proto/model/policy/document.ts';
import type { PolicyProblem } from '../../../../proto/model/policy/problem.ts';
import { readPolicy } from '../../../../proto/model/policy/read.ts';
import { useKept } from '../../../ui/kept.ts';
import { documentOf, edited, textAt, type Edit, type Path } from './edit-text.ts';

/** What the form's fields read and write: the text, by paths of its document. */
export interface PolicyForm {
  /** As it last was without mistakes; undefined until it was once. */
  document: PolicyDocument | undefined;
  /** Nothing can be changed here now. */
  isOff: boolean;
  /** The first mistake of the text. */
  problem: PolicyProblem | undefined;
  /** Rises when the text was changed elsewhere, or places moved: what stands in fields and was not taken is then forgotten. */
  edition: number;
  /** Why a change was not taken, by the path of its field. */
  wrong: ReadonlyMap<string, Refused>;
  /** The value at a path as it is written. */
  textAt(path: Path): string;
  /** Writes an edit into the text, unless that makes no policy of it. */
  change(field: string, edit: Edit, options?: { isMove?: boolean; isDraft?: boolean }): void;
}

interface Refused {
  why: string;
  /** It still stands in its field; a choice goes back by itself. */
  isDraft: boolean;
}

interface FormOptions {
  text: string;
  onText(text: string): void;
  isReadOnly: boolean;
}

/** A form over the text of a policy. The text is the only copy; what the form cannot write into it stays in its field. */
export function usePolicyForm({ text, onText, isReadOnly }: FormOptions): { form: PolicyForm; problems: readonly PolicyProblem[] } {
  const read = useMemo(() => readPolicy(text), [text]);
  const [own, setOwn] = useState(text);
  const [edition, setEdition] = useState(0);
  const [wrong, setWrong] = useState<PolicyForm['wrong']>(new Map());
  const current = useMemo(() => ('document' in read ? { document: read.document, yaml: documentOf(text) } : undefined), [read, text]);
  const good: { document: PolicyDocument; yaml: Document } | undefined = useKept(current);
  if (text !== own) {
    setOwn(text);
    setEdition(edition + 1);
    setWrong(new Map());
  }
  const problems = 'problems' in read ? read.problems : [];
  const change: PolicyForm['change'] = (field, edit, { isMove = false, isDraft = false } = {}) => {
    const result = edited(text, edit);
    const others = isMove ? [] : [...wrong].filter(([one, refused]) => one !== field && refused.isDraft);
    if ('problem' in result) {
      const { message, cure } = result.problem;
      return setWrong(new Map([...others, [field, { why: `${message}; ${cure}`, isDraft }]]));
    }
    setWrong(new Map(others));
    setOwn(result.text);
    if (isMove) setEdition(edition + 1);
    onText(result.text);
  };
  return {
    problems,
    form: {
      document: good?.document,
      isOff: isReadOnly || problems.length > 0,
      problem: problems[0],
      edition,
      wrong,
      textAt: (path) => (good ? textAt(good.yaml, path) : ''),
      change,
    },
  };
}
