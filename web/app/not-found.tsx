import { Link } from '../lib/link.tsx';

export default function NotFound() {
  return (
    <main className="empty">
      <h1>There is no such page</h1>
      <p className="dim2">
        The address may be from another version of the console.{' '}
        <Link className="link" href="/">
          Open the overview
        </Link>
      </p>
    </main>
  );
}
