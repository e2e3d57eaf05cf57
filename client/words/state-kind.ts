/** Every kind of state there is, by how it feels; whoever shows one gives it an icon or a colour, and always its word. */
export type StateKind =
  | 'ok'
  | 'warn'
  | 'critical'
  | 'filling'
  | 'full'
  | 'drops'
  | 'offline'
  | 'failed'
  | 'partial'
  | 'reappeared'
  | 'running'
  | 'verifying'
  | 'waiting'
  | 'never'
  | 'protected'
  | 'offloaded'
  | 'both';
