import type { Hello, LocalGuard } from '../../proto/gen/ctfleet/v1/link.ts';
import type { Wan } from '../../proto/gen/ctfleet/v1/stats.ts';
import { formatAddress } from '../../proto/model/address.ts';
import { SIGNATURE_DEMANDS } from '../../proto/model/signature-demands.ts';
import { fromWireMethods } from '../../proto/wire/method.ts';
import { int32From, textFrom } from '../platform/untrusted.ts';

const MAX_TEXT = 200;
/** Per hello; an honest gateway sends fewer. */
const MAX_LINES = 100;
const MAX_WANS = 256;

/** What a gateway reports about itself at hello, clamped, as its row stores it. `guard` is undefined if it has no guard file. */
export function toSelfDescription(hello: Hello) {
  return {
    agentVersion: textFrom(hello.agentVersion, MAX_TEXT),
    kernel: textFrom(hello.kernel, MAX_TEXT),
    tableKind: hello.tableKind === 'memory' ? 'memory' : 'kernel',
    capabilities: {
      ...toCapabilitiesJson(hello.capabilities),
      ...(hello.tableError !== '' && { tableError: textFrom(hello.tableError, MAX_TEXT) }),
    },
    wans: toWansJson(hello.wans),
    guard: hello.guard && toGuardJson(hello.guard),
  };
}

export function toWansJson(wans: Wan[]) {
  return wans.slice(0, MAX_WANS).map(toWanJson);
}

function toGuardJson(said: LocalGuard) {
  const { isReadOnly, methods, mostDeletesAMinute, mostPercentOfTable, isBuiltIn, protected: filters, signedFor, error } = said;
  return {
    isReadOnly,
    methods: fromWireMethods(methods),
    mostDeletesAMinute: toCount(mostDeletesAMinute),
    mostPercentOfTable: toCount(mostPercentOfTable),
    isBuiltIn,
    protected: filters.slice(0, MAX_LINES).map((filter) => textFrom(filter, MAX_TEXT)),
    ...(signedFor.length > 0 && { signedFor: SIGNATURE_DEMANDS.filter((demand) => signedFor.includes(demand)) }),
    ...(error !== '' && { error: textFrom(error, MAX_TEXT) }),
  };
}

function toCount(value: number | undefined): number | undefined {
  return value === undefined ? undefined : int32From(value);
}

function toCapabilitiesJson(said: Hello['capabilities']) {
  const cannot = Object.entries(said?.cannot ?? {})
    .slice(0, MAX_LINES)
    .map(([what, why]) => [textFrom(what, 64), textFrom(why, 500)] as const);
  return { can: (said?.can ?? []).slice(0, MAX_LINES).map((word) => textFrom(word, 64)), cannot: Object.fromEntries(cannot) };
}

function toWanJson(wan: Wan) {
  return {
    name: textFrom(wan.name, 64),
    interface: textFrom(wan.interface, 64),
    isUp: wan.isUp,
    carriesDefaultRoute: wan.carriesDefaultRoute,
    isAnswering: wan.isAnswering,
    addresses: wan.addresses
      .filter(({ length }) => length === 4 || length === 16)
      .slice(0, 32)
      .map(formatAddress),
  };
}
