import { SaxesParser } from 'saxes';

/** One direction as `conntrack -o xml` prints it; everything is text. */
export interface XmlTuple {
  family: number;
  proto: number;
  src: string;
  dst: string;
  sport?: number;
  dport?: number;
  srcKey?: number;
  dstKey?: number;
  zone?: number;
  packets?: bigint;
  bytes?: bigint;
}

/** One entry as the conntrack program reports it. ICMP has no type, code or id in XML. */
export interface XmlFlow {
  orig: XmlTuple;
  reply: XmlTuple;
  state?: string;
  timeout?: number;
  mark: number;
  zone: number;
  id: number;
  isAssured: boolean;
  isUnreplied: boolean;
  labels: string[];
  startedAtNs?: bigint;
  helper?: string;
}

/** Parses the output of `conntrack -L -o xml,id,ktimestamp,labels`. */
export function parseConntrackXml(xml: string): XmlFlow[] {
  const flows: XmlFlow[] = [];
  let flow = emptyFlow();
  let direction = '';
  let text = '';
  const parser = new SaxesParser();
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('text', (part) => {
    text += part;
  });
  parser.on('opentag', ({ name, attributes }) => {
    text = '';
    if (name === 'flow') flow = emptyFlow();
    else if (name === 'meta') direction = attributes.direction!;
    else if (name === 'layer3') tuple().family = attributes.protonum === '2' ? 4 : 6;
    else if (name === 'layer4') tuple().proto = Number(attributes.protonum);
    else if (name === 'assured') flow.isAssured = true;
    else if (name === 'unreplied') flow.isUnreplied = true;
  });
  parser.on('closetag', ({ name }) => {
    switch (name) {
      case 'flow':
        flows.push(flow);
        break;
      case 'meta':
        direction = '';
        break;
      case 'src':
      case 'dst':
        tuple()[name] = text;
        break;
      case 'sport':
      case 'dport':
        tuple()[name] = Number(text);
        break;
      case 'srckey':
        tuple().srcKey = Number(text);
        break;
      case 'dstkey':
        tuple().dstKey = Number(text);
        break;
      case 'packets':
      case 'bytes':
        tuple()[name] = BigInt(text);
        break;
      case 'zone':
        if (direction === 'independent') flow.zone = Number(text);
        else tuple().zone = Number(text);
        break;
      case 'timeout':
      case 'mark':
      case 'id':
        flow[name] = Number(text);
        break;
      case 'state':
      case 'helper':
        flow[name] = text;
        break;
      case 'label':
        flow.labels.push(text);
        break;
      case 'start':
        flow.startedAtNs = BigInt(text);
        break;
    }
    text = '';
  });
  parser.write(xml).close();
  return flows;

  function tuple(): XmlTuple {
    return direction === 'reply' ? flow.reply : flow.orig;
  }
}

function emptyFlow(): XmlFlow {
  const tuple = { family: 0, proto: 0, src: '', dst: '' };
  return { orig: { ...tuple }, reply: { ...tuple }, mark: 0, zone: 0, id: 0, isAssured: false, isUnreplied: false, labels: [] };
}
