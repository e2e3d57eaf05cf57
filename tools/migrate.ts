// npm run migrate: makes a database ready, as build/controller/migrate.js does, from the sources.
await import('../controller/migrate.ts');
