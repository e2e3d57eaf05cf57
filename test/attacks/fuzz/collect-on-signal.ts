// Preloaded into a program under attack, so that its size can be measured without its garbage.
process.on('SIGUSR2', () => globalThis.gc?.());
