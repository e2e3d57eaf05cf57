// npm run dev: the demo with the console in development mode; the rest is built as for npm start.
process.argv.push('--dev');
await import('./start.ts');
