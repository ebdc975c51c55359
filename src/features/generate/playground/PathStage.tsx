import { useEffect, useMemo, useRef } from 'react';
import type { PathPlayer } from '../../../state/path/player';
import { useApp, useModel, usePrefs } from '../../../state/react';
import { layOut } from '../../../ui/grid-layout';
import { ImageGrid } from '../../../ui/ImageGrid';
import type { PictureSource } from '../../../ui/PictureCanvas';
import { NARROW, useMedia, useSpace, WIDE } from '../../../ui/use-space';
import { PathBar } from './PathBar';
import './path.css';
import { usePathPlayer, usePlayer } from './use-player';

interface Props {
  onOpenImage?: (() => void) | undefined;
}

/** The path in place of the grid: some of its frames as a walk, and what plays them. */
export default function PathStage({ onOpenImage }: Props) {
  const player = usePathPlayer();
  const total = usePlayer((s) => s.total);
  usePlayKey(player);
  if (!player) return null;
  return (
    <>
      {total === 0 ? (
        <p className="hint caption">{EMPTY}</p>
      ) : (
        <Walk player={player} onOpenImage={onOpenImage} />
      )}
      <PathBar player={player} />
    </>
  );
}

const EMPTY = 'A path goes through two images at least: pin one more, or close the path.';

function Walk({ player, onOpenImage }: Props & { player: PathPlayer }) {
  const model = useModel();
  const { walk, total } = usePlayer(({ walk, total }) => ({ walk, total }));
  const current = usePlayer(({ at, walk }) => walk.findLastIndex((frame) => frame <= at));
  const smooth = usePrefs((p) => p.smooth);
  const room = useRef<HTMLDivElement>(null);
  const space = useSpace(room);
  const wide = useMedia(WIDE);
  const narrow = useMedia(NARROW);
  const source = useMemo<PictureSource>(() => walkSource(player, walk), [player, walk]);
  const layout =
    space &&
    layOut({
      width: space.width,
      height: wide ? space.height : null,
      count: walk.length,
      resolution: model?.resolution ?? 64,
      gap: narrow ? 3 : 4,
      ratio: devicePixelRatio,
      columns: Math.max(3, Math.floor(space.width / 140)),
    });
  return (
    <div ref={room} className={smooth ? 'room smooth' : 'room'}>
      {layout && (
        <ImageGrid
          label={`${walk.length} of ${total} frames`}
          source={source}
          count={walk.length}
          layout={layout}
          selected={current}
          onSelect={(index) => player.seek(walk[index]!)}
          onOpen={onOpenImage}
        />
      )}
    </div>
  );
}

/** The frames of the walk that are made. */
const walkSource = ({ frames }: PathPlayer, walk: readonly number[]): PictureSource => ({
  get: (index) => frames.get(walk[index] ?? -1),
  subscribe: (listener) => frames.subscribe(listener),
});

/** Space plays and pauses, wherever it means nothing else. */
function usePlayKey(player: PathPlayer | null): void {
  const { stores } = useApp();
  useEffect(() => {
    if (!player) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== ' ' || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.defaultPrevented || document.querySelector('dialog[open], [popover]:popover-open')) return;
      const target = event.target instanceof Element ? event.target : null;
      const taken = target?.closest('button, a, select, textarea, summary, input:not([type="range"])');
      if (taken || stores.view.getState().path === '') return;
      event.preventDefault();
      if (player.store.getState().playing) player.pause();
      else player.play();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [player, stores]);
}
