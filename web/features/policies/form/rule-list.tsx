'use client';

import { IconArrowDown, IconArrowUp, IconPlus, IconTrash } from '@tabler/icons-react';
import { useEffect, useRef, useState, type KeyboardEvent } from 'react';
import type { PolicyRule } from '../../../../proto/model/policy/document.ts';
import { freeName } from '../../../../client/words/compliance-words.ts';
import { matchWords, ruleWords } from '../../../../client/words/policy-words.ts';
import { Button } from '../../../ui/button.tsx';
import { addRule, moveRule, removeRule } from './edit-text.ts';
import { Part } from './form-fields.tsx';
import { RuleFields } from './rule-fields.tsx';
import type { PolicyForm } from './use-policy-form.ts';

const OFF = 'Nothing can be changed now.';

/** The rules in order of precedence. One is open at a time; Alt with an arrow moves the one that has the focus. */
export function RuleList({ form }: { form: PolicyForm }) {
  const [open, setOpen] = useState<number>();
  const [moved, setMoved] = useState<number>();
  const heads = useRef<(HTMLButtonElement | null)[]>([]);
  const rules = form.document?.spec.rules ?? [];
  useEffect(() => {
    if (moved === undefined) return;
    heads.current[moved]?.focus();
    setMoved(undefined);
  }, [moved]);
  const move = (index: number, by: -1 | 1) => {
    const to = index + by;
    if (form.isOff || to < 0 || to >= rules.length) return;
    form.change('spec.rules', moveRule(index, by), { isMove: true });
    if (open === index) setOpen(to);
    else if (open === to) setOpen(index);
    setMoved(to);
  };
  const onKeyDown = (event: KeyboardEvent, index: number) => {
    if (!event.altKey || (event.key !== 'ArrowUp' && event.key !== 'ArrowDown')) return;
    event.preventDefault();
    move(index, event.key === 'ArrowUp' ? -1 : 1);
  };
  const add = () => {
    const name = freeName(
      'rule',
      rules.map((rule) => rule.name),
    );
    form.change('spec.rules', addRule(name), { isMove: true });
    setOpen(rules.length);
    setMoved(rules.length);
  };
  return (
    <Part title="Rules" small="for some of the traffic; the first that says something decides">
      {rules.length === 0 && <p className="small dim2">No rule: what stands above holds for all traffic.</p>}
      <ol className="rule-list">
        {rules.map((rule, index) => (
          <li key={index} onKeyDown={(event) => onKeyDown(event, index)}>
            <div className="row">
              <button
                ref={(head) => {
                  heads.current[index] = head;
                }}
                type="button"
                className="link rule-head"
                aria-expanded={open === index}
                onClick={() => setOpen(open === index ? undefined : index)}
              >
                <span className="dim">{index + 1}</span> <b>{rule.name}</b>
              </button>
              <RuleSummary rule={rule} />
              <Button
                kind="quiet"
                size="slim"
                icon={IconArrowUp}
                label={`Move ${rule.name} up`}
                refusal={form.isOff ? OFF : index === 0 ? 'It is the first.' : undefined}
                onClick={() => move(index, -1)}
              />
              <Button
                kind="quiet"
                size="slim"
                icon={IconArrowDown}
                label={`Move ${rule.name} down`}
                refusal={form.isOff ? OFF : index === rules.length - 1 ? 'It is the last.' : undefined}
                onClick={() => move(index, 1)}
              />
              <Button
                kind="quiet"
                size="slim"
                icon={IconTrash}
                label={`Remove ${rule.name}`}
                refusal={form.isOff ? OFF : undefined}
                onClick={() => {
                  form.change('spec.rules', removeRule(index), { isMove: true });
                  setOpen(undefined);
                }}
              />
            </div>
            {open === index && <RuleFields form={form} index={index} />}
          </li>
        ))}
      </ol>
      <div>
        <Button icon={IconPlus} refusal={form.isOff ? OFF : undefined} onClick={add}>
          Add a rule
        </Button>
      </div>
    </Part>
  );
}

function RuleSummary({ rule }: { rule: PolicyRule }) {
  const text = `${matchWords(rule.match)}: ${ruleWords(rule)}`;
  return (
    <span className="grow ellipsis small dim2" title={text}>
      {text}
    </span>
  );
}
