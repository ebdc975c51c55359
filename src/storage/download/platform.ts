/** What a download takes from where it runs. */
export interface Platform {
  fetch: typeof fetch;
  /** Who follows redirects: a browser does so itself and hides them, Node leaves it to us. */
  redirects: 'followed' | 'ours';
  /** Whether the machine says that it has a connection. */
  online(): boolean;
  /** Milliseconds. */
  now(): number;
  /** Resolves after so many milliseconds, or earlier where waiting became pointless; rejects when aborted. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}
