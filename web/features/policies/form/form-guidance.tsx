'use client';

import { guidanceOf } from '../../../../proto/model/policy/guidance.ts';
import type { PolicyForm } from './use-policy-form.ts';

/** Which field has the focus: the name of its guidance, and its own. */
export interface Guided {
  guide: string;
  field: string;
}

/** Guidance on the field that has the focus, and what is wrong with it, in a place of its own, so that nothing moves. */
export function FormGuidance({ form: { problem, wrong }, at }: { form: PolicyForm; at: Guided | undefined }) {
  return (
    <p id="policy-guidance" className="form-guidance small" role="status" tabIndex={0} aria-label="What the setting does">
      <Guidance problem={problem} mistake={at && wrong.get(at.field)?.why} at={at} other={otherOf(wrong)} />
    </p>
  );
}

/** What was refused last, where no field has the focus that it could stand beside. */
function otherOf(wrong: PolicyForm['wrong']): [field: string, why: string] | undefined {
  const [field, refused] = [...wrong].at(-1) ?? [];
  return field === undefined || refused === undefined ? undefined : [field, refused.why];
}

interface GuidanceProps {
  problem: PolicyForm['problem'];
  mistake: string | undefined;
  at: Guided | undefined;
  other: [field: string, why: string] | undefined;
}

function Guidance({ problem, mistake, at, other }: GuidanceProps) {
  if (problem)
    return (
      <>
        <b className="red">
          The YAML has a mistake in line {problem.line}, column {problem.column}.
        </b>{' '}
        Until it is right, the form shows the last text that was, and changes nothing: {problem.message}; {problem.cure}.
      </>
    );
  const help = at && guidanceOf(at.guide);
  if (!at || help === undefined)
    return other ? (
      <span className="red">
        Not written: {other[0].replace(/^spec\./, '')}: {other[1]}.
      </span>
    ) : (
      <span className="dim">What a setting does, and what it can do wrong, stands here for the field that you are in.</span>
    );
  return (
    <>
      <b>{at.guide}</b> {mistake && <span className="red">Not written: {mistake}.</span>} {help}
    </>
  );
}
