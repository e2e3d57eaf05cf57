import { transitionWords } from '../client/words/alert-words.ts';
import { cameBackSentence, sumOfKinds, WAN_EVENT_STATES } from '../proto/model/wan-event.ts';
import { ALERT_STATES, SEVERITIES } from '../proto/model/alerts/kinds.ts';
import { routes } from '../proto/http/routes.ts';
import { toPrintable } from '../proto/model/text.ts';
import { valueOf, type Command } from './command.ts';
import { EXIT } from './exit-codes.ts';
import { idArgument, listing, placeOf, placeOptions } from './listing.ts';
import { GENERAL, OUTPUT } from './options.ts';
import { renderOne } from './output/render.ts';
import { styleOf } from './style.ts';

const STATES = [...ALERT_STATES, 'open', 'all'];
const WAN_STATES = [...WAN_EVENT_STATES, 'all-open'];

const list = listing(routes.listAlerts, {
  words: ['alerts', 'list'],
  summary: 'Alerts, open ones if nothing else is asked for',
  groups: [
    placeOptions('tenant', 'site', 'gateway'),
    {
      title: 'Which',
      options: [
        { name: 'state', value: 'STATE', choices: STATES, words: `${STATES.join(', ')} (open)` },
        { name: 'severity', value: 'SEVERITY', choices: SEVERITIES, words: SEVERITIES.join(', ') },
      ],
    },
  ],
  columns: [
    { name: 'id', of: ({ id }) => id },
    { name: 'severity', of: ({ severity }) => severity },
    { name: 'state', of: ({ state }) => state },
    { name: 'since', of: ({ raisedAt, pendingSince }) => raisedAt ?? pendingSince },
    { name: 'title', of: ({ title }) => title },
    { name: 'gateway', of: ({ gatewayName }) => gatewayName, isWide: true },
    { name: 'site', of: ({ siteName }) => siteName, isWide: true },
    { name: 'likely', of: ({ likely }) => likely, isWide: true },
  ],
  nameOf: ({ id }) => id,
  async query(call) {
    const state = valueOf(call.given, 'state') ?? 'open';
    return { ...(await placeOf(call)), severity: valueOf(call.given, 'severity'), state: state === 'all' ? undefined : state };
  },
});

const show: Command = {
  words: ['alerts', 'show'],
  summary: 'One alert: its likely cause, what helps, and what happened to it',
  args: idArgument('alert'),
  groups: [OUTPUT, GENERAL],
  async run({ io, given, args, client }) {
    const alert = await client().call(routes.getAlert, { params: { id: args[0]! } });
    const { title, severity, state, likely, fix, gatewayName, siteName, transitions } = alert;
    const parts = [
      ['title', title],
      ['severity', severity],
      ['state', state],
      ['gateway', gatewayName],
      ['site', siteName],
      ['likely', likely],
      ['what helps', fix?.words],
      ['filter', fix?.kind === 'flush' ? fix.filter : undefined],
      ...transitions.map((transition) => [transition.at, transitionWords(transition)] as const),
    ] as const;
    io.write(renderOne(parts, styleOf(given, io), alert));
    return EXIT.done;
  },
};

const acknowledge: Command = {
  words: ['alerts', 'ack'],
  summary: 'Says that you look after an alert: it is no longer repeated',
  args: idArgument('alert'),
  groups: [{ title: 'Also', options: [{ name: 'note', value: 'TEXT', words: 'a note for others' }] }, GENERAL],
  async run({ io, given, args, client }) {
    const note = valueOf(given, 'note');
    const { title, state } = await client().call(routes.acknowledgeAlert, { params: { id: args[0]! }, body: { note } });
    io.say(toPrintable(`${state}: ${title}`));
    return EXIT.done;
  },
};

const wanEvents = listing(routes.listWanEvents, {
  words: ['wan-events', 'list'],
  summary: 'WAN events, newest first: which WAN failed, who still tries it, and who came back',
  groups: [
    placeOptions('tenant', 'site', 'gateway'),
    { title: 'Which', options: [{ name: 'state', value: 'STATE', choices: WAN_STATES, words: WAN_STATES.join(', ') }] },
  ],
  columns: [
    { name: 'began', of: ({ beganAt }) => beganAt },
    { name: 'gateway', of: ({ gatewayName }) => gatewayName },
    { name: 'site', of: ({ siteName }) => siteName },
    { name: 'wan', of: ({ wan }) => wan },
    { name: 'failed', of: ({ failed }) => failed },
    { name: 'state', of: ({ state }) => state },
    { name: 'still trying', of: ({ using }) => using && sumOfKinds(using.trying), isRight: true },
    { name: 'came back', of: ({ cameBack }) => cameBack && cameBackSentence(cameBack) },
    { name: 'id', of: ({ id }) => id, isWide: true },
  ],
  nameOf: ({ id }) => id,
  query: async (call) => ({ ...(await placeOf(call)), state: valueOf(call.given, 'state') }),
});

export const ALERTS: readonly Command[] = [list, show, acknowledge, wanEvents];
