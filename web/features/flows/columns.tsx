import { createColumnHelper, tableFeatures } from '@tanstack/react-table';
import type { FlowRow } from '../../../proto/http/flows.ts';
import { brief, short, shortAddress } from '../../../client/words/format.ts';
import { State, StateIcon } from '../../ui/state.tsx';
import { STALE_WORDS } from '../../../client/words/flow-explanation.ts';
import { flowState, translated } from '../../../client/words/flow-words.ts';
import { idleCell, idleWords } from '../../../client/words/idle-words.ts';
import type { SortBy } from './use-view.ts';

export const features = tableFeatures({});
const helper = createColumnHelper<typeof features, FlowRow>();

/** Width in px (`1fr` grows), alignment and the sort of each column. */
export const LAYOUT: Record<string, { width: string; isNumber?: boolean; sort?: SortBy; title?: string }> = {
  select: { width: '28px' },
  gateway: { width: 'minmax(76px, 112px)', sort: 'gateway' },
  wan: { width: '44px', sort: 'wan' },
  proto: { width: '38px', sort: 'proto' },
  path: { width: 'minmax(268px, 1fr)', sort: 'src', title: 'The original tuple; sorted by source' },
  nat: { width: 'minmax(126px, 168px)', sort: 'nat', title: 'The translated address, from the reply tuple' },
  state: { width: '94px', sort: 'state' },
  age: { width: '39px', isNumber: true, sort: 'age' },
  idle: { width: '44px', isNumber: true, sort: 'idle', title: 'Since the last packet' },
  timeout: { width: '56px', isNumber: true, sort: 'timeout', title: 'Until it ends unless a packet comes' },
  up: { width: '54px', isNumber: true, sort: 'bytes', title: 'Bytes of the original direction; sorted by both directions' },
  down: { width: '54px', isNumber: true, title: 'Bytes of the reply direction' },
  flags: { width: '36px' },
};

/** The grid's columns. `nameOf` returns a gateway's name; `nowMs` is the time of the snapshot, to which ages refer. */
export function columnsOf(nameOf: (gatewayId: string) => string, nowMs: number | undefined) {
  return helper.columns([
    helper.display({ id: 'gateway', header: 'Gateway', cell: ({ row }) => nameOf(row.original.gatewayId) }),
    helper.display({ id: 'wan', header: 'WAN', cell: ({ row }) => row.original.wan ?? <span className="dim">–</span> }),
    helper.display({ id: 'proto', header: 'Proto', cell: ({ row }) => row.original.proto }),
    helper.display({
      id: 'path',
      header: 'Source → Destination',
      cell: ({
        row: {
          original: { orig },
        },
      }) => (
        <span className="mono">
          <Endpoint address={orig.src} port={orig.sport} /> <span className="dim">→</span> <Endpoint address={orig.dst} port={orig.dport} />
        </span>
      ),
    }),
    helper.display({ id: 'nat', header: 'NAT', cell: ({ row }) => <Nat flow={row.original} /> }),
    helper.display({
      id: 'state',
      header: 'State',
      cell: ({ row }) => {
        const { word, kind } = flowState(row.original);
        return (
          <State kind={kind} isSmall>
            {word}
          </State>
        );
      },
    }),
    helper.display({
      id: 'age',
      header: 'Age',
      cell: ({
        row: {
          original: { startedAt },
        },
      }) => duration(startedAt === undefined || nowMs === undefined ? undefined : (nowMs - Date.parse(startedAt)) / 1000),
    }),
    helper.display({ id: 'idle', header: 'Idle', cell: ({ row }) => idle(row.original) }),
    helper.display({ id: 'timeout', header: 'Timeout', cell: ({ row }) => duration(row.original.timeoutSeconds) }),
    helper.display({ id: 'up', header: '↑ bytes', cell: ({ row }) => bytes(row.original.origBytes) }),
    helper.display({ id: 'down', header: '↓ bytes', cell: ({ row }) => bytes(row.original.replyBytes) }),
    helper.display({ id: 'flags', header: () => <span className="sr">Flags</span>, cell: ({ row }) => <Flags flow={row.original} /> }),
  ]);
}

function Endpoint({ address, port }: { address: string; port?: number }) {
  return (
    <span title={port === undefined ? address : `${address} port ${port}`}>
      {shortAddress(address)}
      {port !== undefined && <span className="dim">:{port}</span>}
    </span>
  );
}

function Nat({ flow }: { flow: FlowRow }) {
  const nat = translated(flow);
  return nat ? (
    <span className="mono" title={`${nat.kind} NAT`}>
      <Endpoint address={nat.address} port={nat.port} />
    </span>
  ) : (
    <span className="dim">none</span>
  );
}

function Flags({ flow }: { flow: FlowRow }) {
  return (
    <>
      {flow.stale && flow.stale !== 'no' && <StateIcon kind="critical" word={`stale: ${STALE_WORDS[flow.stale]}`} isSmall />}
      {flow.protectedBy && <StateIcon kind="protected" word={`protected: ${flow.protectedBy}`} isSmall />}
      {(flow.status.includes('offload') || flow.status.includes('hw-offload')) && (
        <StateIcon kind="offloaded" word="offloaded: counters stand still" isSmall />
      )}
    </>
  );
}

function idle(flow: FlowRow) {
  if (flow.idleSeconds !== undefined) return brief(flow.idleSeconds);
  return (
    <span className={flow.idleBounds ? undefined : 'dim'} title={idleWords(flow)}>
      {idleCell(flow)}
    </span>
  );
}

function duration(seconds: number | undefined) {
  return seconds === undefined ? <span className="dim">–</span> : brief(seconds);
}

function bytes(value: string | undefined) {
  return value === undefined ? (
    <span className="dim" title="The gateway does not count bytes">
      –
    </span>
  ) : value === '0' ? (
    <span className="dim">0</span>
  ) : (
    short(Number(value))
  );
}
