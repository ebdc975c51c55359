import { Bookmark, Redo2, Undo2 } from 'lucide-react';
import { type KeyboardEvent, useEffect, useMemo, useRef } from 'react';
import { useStore } from 'zustand';
import type { HistoryEntry } from '../../../state/history/store';
import { useApp, usePrefs } from '../../../state/react';
import { PictureCanvas } from '../../../ui/PictureCanvas';
import '../playground/strips.css';
import { thumbnailSize, tileStyle } from '../playground/thumbnail';

/** What was seen, the newest first: the list that undo walks through. One tab stop; arrow keys move in it. */
export default function HistoryStrip() {
  const { controller, stores } = useApp();
  const { moments, current } = useStore(stores.history);
  const smooth = usePrefs((p) => p.smooth);
  const list = useRef<HTMLUListElement>(null);
  const shown = moments[current]?.id;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another entry is to come into view
  useEffect(() => {
    const tile = list.current?.querySelector<HTMLElement>('[aria-current]')?.parentElement;
    const room = list.current;
    if (!tile || !room) return;
    // Only this row scrolls: scrollIntoView would move the page too.
    const over = tile.offsetLeft + tile.offsetWidth - room.scrollLeft - room.clientWidth;
    if (over > 0) room.scrollLeft += over;
    else if (tile.offsetLeft < room.scrollLeft) room.scrollLeft = tile.offsetLeft;
  }, [shown]);

  const onKeyDown = (event: KeyboardEvent) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    const tiles = [...(list.current?.querySelectorAll<HTMLElement>('.tile-show') ?? [])];
    const next = tiles[tiles.indexOf(document.activeElement as HTMLElement) + by];
    event.preventDefault();
    next?.focus();
  };

  return (
    <section className={smooth ? 'strip past smooth' : 'strip past'} aria-label="History">
      <div className="strip-head">
        <h2>History</h2>
        <button
          type="button"
          className="icon-button"
          aria-label="Undo"
          aria-keyshortcuts="Control+Z"
          title="Undo (Ctrl Z)"
          disabled={current <= 0}
          onClick={() => controller.history.undo()}
        >
          <Undo2 aria-hidden />
        </button>
        <button
          type="button"
          className="icon-button"
          aria-label="Redo"
          aria-keyshortcuts="Control+Shift+Z"
          title="Redo (Ctrl Shift Z)"
          disabled={current >= moments.length - 1}
          onClick={() => controller.history.redo()}
        >
          <Redo2 aria-hidden />
        </button>
      </div>
      <ul ref={list} onKeyDown={onKeyDown}>
        {[...moments].reverse().map((moment) => (
          <HistoryTile key={moment.id} moment={moment} current={moment.id === shown} />
        ))}
      </ul>
    </section>
  );
}

const NEVER = () => () => {};

function HistoryTile({ moment, current }: { moment: HistoryEntry; current: boolean }) {
  const { announce, controller } = useApp();
  const { id, picture, words, kept } = moment;
  const source = useMemo(() => ({ get: () => picture, subscribe: NEVER }), [picture]);
  const size = thumbnailSize(picture?.resolution ?? 64);
  const keep = () => announce(controller.history.keep(id));
  return (
    <li style={tileStyle(size)}>
      <PictureCanvas source={source} index={0} size={size} decorative />
      <span className="caption">{words}</span>
      <button
        type="button"
        className="tile-show"
        aria-label={`Go to ${words}${kept ? ', marked' : ''}`}
        title={`Go to ${words}`}
        aria-current={current || undefined}
        tabIndex={current ? 0 : -1}
        onClick={() => controller.history.go(id)}
        onKeyDown={(event) => {
          if (event.key !== 'b') return;
          event.stopPropagation();
          keep();
        }}
      />
      <button
        type="button"
        className="tile-mark"
        aria-label={`Mark ${words}`}
        aria-pressed={kept}
        title={kept ? 'Marked: it stays for the next visit' : 'Mark: it stays for the next visit (B)'}
        tabIndex={current ? 0 : -1}
        onClick={keep}
      >
        <Bookmark aria-hidden />
      </button>
    </li>
  );
}
