// Preloaded into a program under attack, so that its size can be measured after garbage collection, without the pages that V8 holds in
// reserve.
process.on('SIGUSR2', () => void globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' }));
