import { Component, type ReactNode } from 'react';
import { asInnateError } from '../lib/errors';
import { MissingPart } from '../lib/load-part';
import { Note } from '../ui/Note';

interface Props {
  /** What fails here, as the head of a sentence: 'The Layers tab'. */
  name: string;
  /** What still works, or what is kept. */
  comfort: string;
  children: ReactNode;
  onReload: () => void;
}

/**
 * Shows what went wrong in the place of what failed, and leaves the rest of the page alone. A part that could not be
 * loaded needs a reload; anything else may be tried again.
 */
export class ErrorBoundary extends Component<Props, { error: unknown }> {
  override state: { error: unknown } = { error: null };

  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error: error ?? new Error('nothing was said of it') };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return <Failed {...this.props} error={error} onRetry={() => this.setState({ error: null })} />;
  }
}

function Failed({
  name,
  comfort,
  error,
  onReload,
  onRetry,
}: Omit<Props, 'children'> & { error: unknown; onRetry: () => void }) {
  const missing = error instanceof MissingPart;
  return (
    <div className="failed">
      <Note
        tone="error"
        actions={
          <>
            <button type="button" className="button primary" onClick={onReload}>
              Reload the page
            </button>
            {!missing && (
              <button type="button" className="button" onClick={onRetry}>
                Try again
              </button>
            )}
          </>
        }
      >
        {missing
          ? `${error.describe()}. ${comfort}`
          : `${name} has failed: ${asInnateError(error).describe()}. ${comfort}`}
      </Note>
    </div>
  );
}
