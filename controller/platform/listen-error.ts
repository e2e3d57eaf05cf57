/** An Error with one line about an address that cannot be listened on. */
export function cannotListen({ host, port }: { host: string; port: number }, cause: Error): Error {
  const why = cause.message.includes('EADDRINUSE') ? 'is taken by another program' : `cannot be listened on: ${cause.message}`;
  return new Error(`${host}:${port} ${why}`, { cause });
}
