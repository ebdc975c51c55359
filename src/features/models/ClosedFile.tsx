import type { ClosedFile as Closed } from '../../protocol/models';
import { useApp } from '../../state/react';
import { formatBytes } from '../../ui/format';

/** A file that this browser keeps and that could not be opened: why, and a way to try again or to delete it. */
export function ClosedFile({ file: { key, name, bytes, why } }: { file: Closed }) {
  const { controller } = useApp();
  return (
    <article className="opened">
      <h3>
        <code>{name}</code>
        <span className="state">Not opened</span>
      </h3>
      <p className="secondary">{why}.</p>
      <p className="caption">{formatBytes(bytes)}, kept in this browser</p>
      <div className="actions">
        <button
          type="button"
          className="button"
          aria-label={`Try again: ${name}`}
          onClick={() => void controller.openKept()}
        >
          Try again
        </button>
        <button
          type="button"
          className="button quiet"
          aria-label={`Forget ${name}`}
          onClick={() => void controller.forget(key)}
        >
          Forget
        </button>
      </div>
    </article>
  );
}
