import { useEffect, useMemo, useRef, useState } from 'react';
import type { Row } from '../../lib/activations';
import { placeOf } from '../../lib/network-place';
import { leftWords } from '../../ui/format';
import { Note } from '../../ui/Note';
import { ProgressLine } from '../../ui/ProgressLine';
import { useRamps } from '../../ui/ramp';
import { Answer, Origin } from './Answer';
import { Detail } from './Detail';
import { Guide } from './Guide';
import { LayerMap } from './LayerMap';
import './layers.css';
import { mapModel } from './map-model';
import { Toolbar } from './Toolbar';
import { useLayers, useLayersController, useShown } from './use-layers';

export { saveMap } from './save-map';

/** Which part of a network lives at which noise level: the map, the guide above it, and a close look beside it. */
export default function LayersView() {
  useShown();
  const layers = useLayersController();
  const ramps = useRamps();
  const heading = useRef<HTMLHeadingElement>(null);
  const { view, pair, findings, version, looks, awaited, error } = useLayers((s) => s);
  const { quantity, scale, open } = view;
  // biome-ignore lint/correctness/useExhaustiveDependencies: findings grow in place; the version says when
  const model = useMemo(
    () => findings && mapModel(findings, { quantity, scale, open }),
    [findings, version, quantity, scale, open],
  );
  useEffect(() => {
    if (findings && view.row === null) layers.set({ row: firstChoice(findings.rows) });
  }, [findings, view.row, layers]);
  return (
    <div className="layers">
      <h1 className="hidden-text">Layers</h1>
      <section className="layers-figure" aria-label="Time by layer">
        {pair?.student && (
          <Guide findings={findings} looks={looks} awaited={awaited} pair={pair} view={view} />
        )}
        <Toolbar />
        {error && (
          <Note
            tone="error"
            onDismiss={layers.dismissError}
            actions={
              <button type="button" className="button" onClick={layers.tryAgain}>
                Try again
              </button>
            }
          >
            {error.line}
          </Note>
        )}
        {findings && model && pair ? (
          <>
            <Origin findings={findings} />
            <LayerMap
              findings={findings}
              model={model}
              view={view}
              pair={pair}
              ramps={ramps}
              onOpen={() => heading.current?.focus()}
            />
            <Answer findings={findings} model={model} view={view} ramps={ramps} />
          </>
        ) : (
          !error && <FirstMap />
        )}
      </section>
      {pair && <Detail findings={findings} pair={pair} view={view} ramps={ramps} heading={heading} />}
    </div>
  );
}

/** The first map while it is on its way, and how to have it after all where it was cancelled. */
function FirstMap() {
  const layers = useLayersController();
  const { progress, measuring } = useLayers(({ progress, measuring }) => ({ progress, measuring }));
  const [cancelled, setCancelled] = useState(false);
  if (cancelled && !measuring)
    return (
      <p>
        <span className="secondary">Nothing is measured yet. </span>
        <button type="button" className="button" onClick={layers.measure}>
          Measure
        </button>
      </p>
    );
  const cancel = () => {
    setCancelled(true);
    layers.cancel();
  };
  return (
    <ProgressLine
      what={progress?.what ?? 'Preparing'}
      detail={`the first map${leftWords(progress?.left ?? null)}`}
      value={progress ? progress.done / progress.total : null}
      onCancel={measuring ? cancel : undefined}
    />
  );
}

/** A block to begin with: the first one in the decoder that works at full resolution. */
function firstChoice(rows: readonly Row[]): string | null {
  const blocks = rows.filter((r) => r.part === null);
  const full = Math.max(...blocks.map((r) => r.resolution));
  const found = blocks.find((r) => placeOf(r.block).side === 'decoder' && r.resolution === full) ?? blocks[0];
  return found?.name ?? null;
}
