'use client';

import { useMutation } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import type { z } from 'zod';
import type { explainTracking } from '../../../proto/http/policies.ts';
import { routes } from '../../../proto/http/routes.ts';
import { parseAddress } from '../../../proto/model/address.ts';
import { hasPorts, protocolNumber } from '../../../proto/model/protocol.ts';
import { explanationWords } from '../../../client/words/tracking-words.ts';
import { call } from '../../lib/controller/client.ts';
import { Button } from '../../ui/button.tsx';
import { State } from '../../ui/state.tsx';

const PROTOCOLS = ['tcp', 'udp', 'icmp', 'icmpv6', 'gre', 'esp', 'sctp'];
const NOTHING = { proto: 'udp', src: '', dst: '', dport: '', iif: '' };

/** Asks the gateway what its rules do with the first packet of some traffic. */
export function WhyNoEntry({ gatewayId }: { gatewayId: string }) {
  const [packet, setPacket] = useState(NOTHING);
  const asking = useMutation({ mutationFn: () => call(routes.explainTracking, { params: { id: gatewayId }, query: toQuery(packet) }) });
  const wrong = wrongIn(packet);
  const ask = (event: FormEvent) => {
    event.preventDefault();
    if (wrong === undefined) asking.mutate();
  };
  const field = (name: keyof typeof NOTHING, label: string, placeholder: string) => (
    <label className={`input ${name}`}>
      <span className="sr">{label}</span>
      <input
        name={name}
        value={packet[name]}
        placeholder={placeholder}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setPacket({ ...packet, [name]: event.currentTarget.value.trim() })}
      />
    </label>
  );
  return (
    <>
      <div className="sec-head">
        <h2>Why is there no entry?</h2>
        <span className="dim">what the gateway’s rules do with the first packet</span>
      </div>
      <form className="asked" onSubmit={ask}>
        <label className="input proto">
          <span className="sr">Protocol</span>
          <select value={packet.proto} onChange={(event) => setPacket({ ...packet, proto: event.currentTarget.value })}>
            {PROTOCOLS.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        {field('src', 'Source address', 'source')}
        {field('dst', 'Destination address', 'destination')}
        {withPort(packet) && field('dport', 'Destination port', 'port')}
        {field('iif', 'Comes in by (empty: as routes say)', 'interface')}
        <Button type="submit" refusal={wrong}>
          Ask
        </Button>
      </form>
      <div className="answered" role="status">
        {wrong !== undefined && packet.src !== '' && packet.dst !== '' ? <span className="dim">{wrong}</span> : <Answer asking={asking} />}
      </div>
    </>
  );
}

interface AnswerProps {
  asking: { data: z.output<typeof explainTracking.response> | undefined; error: Error | null; isPending: boolean };
}

function Answer({ asking: { data, error, isPending } }: AnswerProps) {
  if (isPending) return <span className="dim">The gateway is asked.</span>;
  if (error) return <State kind="warn">{error.message}</State>;
  if (!data) return null;
  if (!data.explanation)
    return (
      <>
        <State kind="offline">The gateway did not answer</State> <span className="dim2">{data.reason}.</span>
      </>
    );
  const { kind, head, text } = explanationWords(data.explanation);
  return (
    <>
      <State kind={kind}>{head}</State>
      <p className="small dim2">{text}</p>
    </>
  );
}

/** Why it cannot be asked yet. */
function wrongIn({ src, dst, dport }: typeof NOTHING): string | undefined {
  const [from, to] = [parseAddress(src), parseAddress(dst)];
  if (!from) return 'Write the address that the packet comes from.';
  if (!to) return 'Write the address that it goes to.';
  if (from.length !== to.length) return 'Source and destination must be of one family.';
  return dport === '' || (/^\d{1,5}$/.test(dport) && Number(dport) <= 65_535) ? undefined : 'A port is a number up to 65,535.';
}

function withPort({ proto }: Pick<typeof NOTHING, 'proto'>): boolean {
  return hasPorts(protocolNumber(proto) ?? 0);
}

/** Without what is empty, and without a port that the protocol does not have. */
function toQuery({ proto, src, dst, dport, iif }: typeof NOTHING): z.input<typeof explainTracking.query> {
  return { proto, src, dst, ...(dport !== '' && withPort({ proto }) && { dport }), ...(iif !== '' && { iif }) };
}
