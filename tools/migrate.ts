// npm run migrate: prepares a database like build/controller/migrate.js, but from the sources.
await import('../controller/migrate.ts');
