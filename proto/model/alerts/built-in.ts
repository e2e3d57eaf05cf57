import type { Rule } from './rule.ts';

const rule = (name: Rule['kind'], severity: Rule['severity'], values: Rule['values'] = {}): Rule => ({
  name,
  kind: name,
  isOn: true,
  severity,
  values,
});

/** On from the first start. A usage that touches a level for a moment raises nothing, and what is lost does at once. */
export const BUILT_IN_RULES: readonly Rule[] = [
  { ...rule('usage', 'warning', { raise: 75, clear: 70, for: 600, clearFor: 300 }), name: 'usage-warning' },
  { ...rule('usage', 'critical', { raise: 90, clear: 85, for: 120, clearFor: 300 }), name: 'usage-critical' },
  rule('time-to-full', 'critical', { raise: 1800, clear: 3600, for: 60, clearFor: 300 }),
  rule('losses', 'critical', { clearFor: 600 }),
  rule('wan-event', 'critical', { raise: 1 }),
  rule('wan-flapping', 'warning'),
  rule('silent', 'critical', { raise: 90 }),
  rule('remediation-failed', 'warning'),
  rule('remediation-held-back', 'warning'),
  rule('certificate', 'warning'),
  rule('guard', 'warning'),
  rule('audit-chain', 'critical'),
  rule('drift', 'warning', { for: 300 }),
];

const preset = (name: string, rules: string): { name: string; document: string } => ({
  name,
  document: `apiVersion: ctfleet/v1\nkind: AlertRules\nmetadata:\n  name: ${name}\nspec:\n  rules:\n${rules}`,
});

/** Documents to begin with. */
export const PRESETS: readonly { name: string; document: string }[] = [
  preset(
    'warn at 75, critical at 90',
    `    usage-warning: { raise: 75, clear: 70, for: 10m, clearFor: 5m }
    usage-critical: { raise: 90, clear: 85, for: 2m, clearFor: 5m }
`,
  ),
  preset(
    'fill alert at 80',
    `    usage-warning: { raise: 80, clear: 75, for: 5m, clearFor: 5m }
    usage-critical: { raise: 95, clear: 90, for: 1m, clearFor: 5m }
`,
  ),
];
