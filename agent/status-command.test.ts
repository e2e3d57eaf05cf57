import { describe, expect, test } from 'vitest';
import { EXIT } from './command-line.ts';
import { parseGuard } from './operations/guard-file.ts';
import { statusAnswer, type GatewayFacts } from './status-command.ts';

const FACTS: GatewayFacts = { nowMs: 1_000_000, isRunning: false, guard: parseGuard(''), can: ['list'], cannot: {}, commands: [] };
const TOLD = { version: '0.1.0', pid: 7, writtenAtMs: 990_000 };

function linesOf(facts: Partial<GatewayFacts>): string {
  return statusAnswer({ ...FACTS, ...facts }).lines.join('\n');
}

describe('status', () => {
  test('a machine that is not enrolled is told how to be, with a code of its own', () => {
    expect(linesOf({})).toContain('ctfleet-agent enrol TOKEN');
    expect(statusAnswer(FACTS).code).toBe(EXIT.notEnrolled);
  });

  test('a state that was written long ago is not that of a running agent, whatever process has its number', () => {
    expect(linesOf({ told: TOLD, isRunning: true })).toContain('running as process 7');
    expect(linesOf({ told: { ...TOLD, writtenAtMs: 0 }, isRunning: true, nowMs: 10_000_000 })).toContain('not running');
  });

  test('a link that is down says for how long and why', () => {
    const link = { isOnline: false, sinceMs: 970_000, reason: 'connection refused', controller: 'c:1' };
    expect(linesOf({ told: { ...TOLD, link }, isRunning: true })).toContain('down for 30 s: connection refused');
  });

  test('what cannot be done stands with its reason, and an unusable guard file with what it means', () => {
    const lines = linesOf({ cannot: { 'set-max': 'only root may' }, guard: parseGuard('protect: 7') });
    expect(lines).toContain('set-max: only root may');
    expect(lines).toContain('protect:');
  });
});
