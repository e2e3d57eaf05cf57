import { EnrolmentConnection, type enrol } from '../link/enrol.ts';

/** Calls of one connection: the controller takes twenty of an unproven peer at once, and then one a second. */
const CALLS = 16;

/**
 * Enrols the agents of one process: a few at a time, and many over one connection, since a controller takes few new connections a second
 * from one address.
 */
export function sharedEnrolment(atOnce: number): typeof enrol {
  let open: { connection: Promise<EnrolmentConnection>; address: string; pin: string; left: number; underWay: number } | undefined;
  let free = atOnce;
  const waiting: (() => void)[] = [];

  return async (address, token, key, agent, signal) => {
    if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    else free--;
    try {
      if (!open || open.left === 0 || open.address !== address || open.pin !== token.caPin)
        open = { connection: EnrolmentConnection.open(address, token, signal), address, pin: token.caPin, left: CALLS, underWay: 0 };
      const mine = open;
      mine.left--;
      mine.underWay++;
      try {
        return await (await mine.connection).enrol(token, key, agent, signal);
      } catch (error) {
        mine.left = 0;
        throw error;
      } finally {
        if (--mine.underWay === 0 && mine.left === 0) void mine.connection.then((connection) => connection.close()).catch(() => undefined);
      }
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free++;
    }
  };
}
