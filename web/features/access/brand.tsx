import { Mark } from '../../ui/mark.tsx';

/** Our mark, on pages without a frame. */
export function Brand() {
  return (
    <div className="row sign-in-brand">
      <Mark />
      <b>ctfleet</b>
    </div>
  );
}
