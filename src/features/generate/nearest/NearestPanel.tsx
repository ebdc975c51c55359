import { useEffect, useState } from 'react';
import { counted, sentence } from '../../../lib/words';
import type { NearestSpace } from '../../../protocol/measure';
import type { DataRef } from '../../../protocol/models';
import { fittingPack } from '../../../state/distil/packs';
import type { MadeImage } from '../../../state/generate/images';
import { useExtras, useMeasuring } from '../../../state/measure/use-measuring';
import { verdictOfImage } from '../../../state/measure/verdict';
import { useApp, useDistil, useModels } from '../../../state/react';
import { FileButton } from '../../../ui/FileButton';
import { formatValue, formatWhole } from '../../../ui/format';
import { Histogram } from '../../../ui/Histogram';
import { Note } from '../../../ui/Note';
import { ProgressLine } from '../../../ui/ProgressLine';
import { Segmented } from '../../../ui/Segmented';
import { StillPicture } from '../../../ui/StillPicture';
import './nearest.css';

/** Milliseconds that an image is looked at before its neighbours are looked for: a drag passes many. */
const REST_MS = 400;

/** The training images that the selected image is nearest to, with its distance beside those of real images. */
export default function NearestPanel({ image }: { image: MadeImage }) {
  const { controller } = useApp();
  const measuring = useMeasuring();
  const search = useExtras((s) => s.one);
  const packs = useDistil((s) => s.packs);
  const model = useModels().find((m) => m.key === image.recipe.modelKey);
  const [space, setSpace] = useState<NearestSpace>('lite0');
  const [own, setOwn] = useState<Extract<DataRef, { kind: 'files' }> | null>(null);
  useEffect(() => void controller.inside.loadPacks(), [controller]);
  const pack = model && packs ? fittingPack(packs, model) : null;
  const packId = pack?.id ?? null;
  const ref = model?.ref;

  // The image alone says what is looked for: a model's facts are made anew with every change of the list.
  // biome-ignore lint/correctness/useExhaustiveDependencies: as said
  useEffect(() => {
    const data: DataRef | null = own ?? (packId === null ? null : { kind: 'pack', id: packId });
    if (!ref || !data) return;
    const { pixels, resolution } = image;
    const timer = setTimeout(
      () =>
        void measuring.nearest('one', {
          ref,
          data,
          space,
          of: { kind: 'image', pixels: pixels.slice(), resolution },
          shown: 1,
        }),
      REST_MS,
    );
    return () => clearTimeout(timer);
  }, [measuring, image, space, own, packId]);
  useEffect(() => () => measuring.forgetNearest('one'), [measuring]);

  const { result, progress, busy, error } = search;
  const found = result?.images[0];
  return (
    <div className="nearest-panel">
      <Segmented
        label="Distance in"
        value={space}
        options={[
          { value: 'lite0', label: 'Lite0' },
          { value: 'resnet56', label: 'ResNet-56' },
          { value: 'pixels', label: 'Pixels' },
        ]}
        onChange={setSpace}
      />
      {error && <Note tone="error">{error}</Note>}
      {busy && (
        <ProgressLine
          what={progress ? sentence(progress.what) : 'Searching'}
          detail=""
          value={progress && progress.total > 0 ? progress.done / progress.total : null}
          onCancel={() => measuring.stopNearest('one')}
        />
      )}
      {packs && !own && !pack && <p className="secondary">None of the page’s data sets fits this model.</p>}
      {result && found && (
        <div aria-busy={busy}>
          <ol>
            {found.near.map(({ index, distance, pixels }) => (
              <li key={index}>
                <StillPicture
                  pixels={pixels}
                  resolution={result.resolution}
                  name={`Training image ${index}, distance ${formatValue(distance)}`}
                  size={Math.max(1, Math.floor(64 / result.resolution)) * result.resolution}
                />
                <span className="caption">{formatValue(distance)}</span>
              </li>
            ))}
          </ol>
          <Histogram
            label={`Distances of ${formatWhole(result.real.length)} held-out real images to their nearest training image; this image has ${formatValue(found.near[0]!.distance)}.`}
            real={result.real}
            made={null}
            mark={{ value: found.near[0]!.distance, words: 'this image' }}
          />
          <Verdict found={found} />
          <p className="caption">
            {formatWhole(result.searched)} images of {result.data} searched in {formatValue(result.seconds)}{' '}
            s; step line: {formatWhole(result.real.length)} held-out real images. {result.space}.
          </p>
        </div>
      )}
      <FileButton
        label={own ? own.name : 'Other training images'}
        className="quiet"
        onFiles={(files) => {
          if (files.length > 0)
            setOwn({
              kind: 'files',
              files,
              name: files.length === 1 ? files[0]!.name : counted(files.length, 'file'),
            });
        }}
      />
    </div>
  );
}

function Verdict({ found }: { found: Parameters<typeof verdictOfImage>[0] }) {
  const { sign, why } = verdictOfImage(found);
  return (
    <p role="status">
      <b>{sign}</b> <span className="secondary">{why}</span>
    </p>
  );
}
