// Preloaded into a program under attack, so that its size can be measured without its garbage, and without the pages that V8 keeps for more
// of it.
process.on('SIGUSR2', () => void globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' }));
