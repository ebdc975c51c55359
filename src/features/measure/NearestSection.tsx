import { Save } from 'lucide-react';
import { useEffect, useState } from 'react';
import { sentence } from '../../lib/words';
import type { NearestImage, NearestResult, NearestSpace } from '../../protocol/measure';
import { MAX_SEED } from '../../rng/seeds';
import type { Nearest, NearestSlot } from '../../state/measure/controller';
import { useExtras, useMeasuring } from '../../state/measure/use-measuring';
import { verdictOfImage, verdictOfSet } from '../../state/measure/verdict';
import type { ModelFacts } from '../../state/models';
import { formatValue, formatWhole } from '../../ui/format';
import { Histogram } from '../../ui/Histogram';
import { Note } from '../../ui/Note';
import { NumberField } from '../../ui/NumberField';
import { ProgressLine } from '../../ui/ProgressLine';
import { Segmented } from '../../ui/Segmented';
import { Stepper } from '../../ui/Stepper';
import { StillPicture } from '../../ui/StillPicture';
import { saveBlob } from '../../ui/save-blob';
import { sheetPng } from '../../ui/sheet-png';
import type { Choices } from './choices';
import { pairsSheet } from './pairs-sheet';

/** Images that a set is looked through for copies with, and pairs that are shown of it. */
const USUAL = 500;
const PAIRS = 20;

interface Props {
  model: ModelFacts;
  choices: Choices;
}

/** Whether the model copies its training images: distances of many seeds beside those of held-out real images. */
export function NearestSection({ model, choices }: Props) {
  const measuring = useMeasuring();
  const { set, inception } = useExtras((s) => ({ set: s.set, inception: s.inception }));
  const [space, setSpace] = useState<NearestSpace>('lite0');
  const [count, setCount] = useState(USUAL);
  const { data, how } = choices;
  // What was found of another model is not shown as this one's.
  useEffect(
    () => () => {
      measuring.forgetNearest('set');
      measuring.forgetNearest('seed');
    },
    [measuring],
  );
  const lacksFile = space === 'inception' && inception === null;
  const look = () =>
    void measuring.nearest('set', {
      ref: model.ref,
      data: data!,
      space,
      of: { kind: 'seeds', first: 0, count, sampler: how.sampler, steps: how.steps },
      shown: PAIRS,
    });
  return (
    <section className="measure-part" aria-labelledby="measure-nearest">
      <div className="found-head">
        <h2 id="measure-nearest">Nearest training images</h2>
        {set.result && (
          <span className="caption">
            {formatWhole(set.result.searched)} searched in {formatValue(set.result.seconds)} s;{' '}
            {formatWhole(set.result.real.length)} held out; {set.result.space}
          </span>
        )}
      </div>
      <div className="nearest-set">
        <div className="field">
          <span>Seeds</span>
          <NumberField
            label="Seeds to look through"
            value={count}
            min={20}
            max={10_000}
            step={100}
            whole
            onCommit={setCount}
          />
        </div>
        <Segmented
          label="Distance in"
          value={space}
          options={[
            { value: 'lite0', label: 'Lite0' },
            { value: 'resnet56', label: 'ResNet-56' },
            { value: 'inception', label: 'Inception', title: 'Needs the Inception file' },
            { value: 'pixels', label: 'Pixels' },
          ]}
          onChange={setSpace}
        />
        <button type="button" className="button" disabled={!data || lacksFile || set.busy} onClick={look}>
          Look for copies
        </button>
      </div>
      <SearchState slot="set" search={set} />
      {set.result && <SetFound result={set.result} />}
    </section>
  );
}

/** What a search does, or why it could not. */
function SearchState({ slot, search }: { slot: NearestSlot; search: Nearest }) {
  const measuring = useMeasuring();
  const { busy, progress, error } = search;
  if (error) return <Note tone="error">{error}</Note>;
  if (!busy) return null;
  return (
    <ProgressLine
      what={progress ? sentence(progress.what) : 'Preparing'}
      detail={progress ? `${formatWhole(progress.done)} of ${formatWhole(progress.total)}` : ''}
      value={progress && progress.total > 0 ? progress.done / progress.total : null}
      onCancel={() => measuring.stopNearest(slot)}
    />
  );
}

function SetFound({ result }: { result: NearestResult }) {
  const measuring = useMeasuring();
  const search = useExtras((s) => s.seed);
  const closest = result.images[0]?.seed ?? 0;
  const [chosen, setChosen] = useState<{ of: NearestResult; seed: number } | null>(null);
  // A new result begins with its own closest pair.
  const seed = chosen?.of === result ? chosen.seed : closest;
  const known = (wanted: number) =>
    [...result.images, ...(search.result?.images ?? [])].find((image) => image.seed === wanted);
  const choose = (wanted: number) => {
    setChosen({ of: result, seed: wanted });
    if (!known(wanted)) void measuring.nearestOfSeed(wanted);
  };
  // While another seed is looked for, the one before stays.
  const image = known(seed) ?? search.result?.images[0] ?? result.images[0];
  const { sign, why } = verdictOfSet(result);
  return (
    <>
      <div className="nearest-set">
        <div className="field">
          <span>Seed</span>
          <Stepper
            label="Seed in view"
            fewer="Previous seed"
            more="Next seed"
            value={seed}
            min={0}
            max={MAX_SEED}
            onChange={choose}
          />
        </div>
      </div>
      {known(seed) ? null : <SearchState slot="seed" search={search} />}
      <div className="nearest" aria-busy={search.busy}>
        {image && <NearestRow image={image} resolution={result.resolution} />}
        <figure>
          <figcaption className="nearest-keys">
            <span>
              <i className="key-real" />
              held-out real images
            </span>
            <span>
              <i className="key-made" />
              {formatWhole(result.made.length)} generated
            </span>
          </figcaption>
          <Histogram
            label={`Distances to the nearest training image: ${formatWhole(result.real.length)} held-out real images have ${formatValue(middle(result.real))} in the middle, ${formatWhole(result.made.length)} generated ones ${formatValue(middle(result.made))}.`}
            real={result.real}
            made={result.made}
            mark={
              image
                ? {
                    value: image.near[0]!.distance,
                    words: `seed ${image.seed}: ${formatValue(image.near[0]!.distance)}`,
                  }
                : null
            }
          />
        </figure>
      </div>
      {image && (
        <p className="verdict" aria-live="polite">
          <b>Seed {formatWhole(image.seed ?? 0)}:</b>{' '}
          <span className="secondary">{verdictOfImage(image).why}</span>
        </p>
      )}
      <p className="verdict" role="status">
        <b>{sign}</b> <span className="secondary">{why}</span>
      </p>
      <ClosestPairs result={result} shown={image} onChoose={choose} />
    </>
  );
}

interface PairsProps {
  result: NearestResult;
  shown: NearestImage | undefined;
  onChoose: (seed: number) => void;
}

function ClosestPairs({ result, shown, onChoose }: PairsProps) {
  return (
    <>
      <div className="found-head">
        <h2>Closest pairs</h2>
        <span className="found-tools">
          <span className="caption">
            of {formatWhole(result.made.length)} generated, left generated, right training
          </span>
          <button
            type="button"
            className="button quiet"
            aria-label="Save the sheet of closest pairs"
            onClick={async () => {
              const blob = await sheetPng(pairsSheet(result));
              if (blob) saveBlob(blob, 'closest-pairs.png');
            }}
          >
            <Save aria-hidden />
            Sheet
          </button>
        </span>
      </div>
      <ol className="copies">
        {result.images.map((pair) => (
          <li key={pair.seed}>
            <button
              type="button"
              aria-pressed={pair === shown}
              aria-label={`Show seed ${pair.seed} and its nearest training images`}
              onClick={() => onChoose(pair.seed!)}
            >
              <StillPicture
                pixels={pair.pixels!}
                resolution={result.resolution}
                name={null}
                size={multiple(result.resolution, 64)}
              />
              <StillPicture
                pixels={pair.near[0]!.pixels}
                resolution={result.resolution}
                name={null}
                size={multiple(result.resolution, 64)}
              />
            </button>
            <span className="caption">
              <b>{formatValue(pair.near[0]!.distance)}</b> seed {formatWhole(pair.seed ?? 0)}
              {pair.suspect ? ': look' : ''}
            </span>
          </li>
        ))}
      </ol>
    </>
  );
}

/** The largest whole multiple of a picture that fits. */
const multiple = (resolution: number, most: number): number =>
  Math.max(1, Math.floor(most / resolution)) * resolution;

const middle = (sorted: Float64Array): number => sorted[sorted.length >> 1] ?? 0;

/** A generated image, and the training images that it is nearest to. */
function NearestRow({ image, resolution }: { image: NearestImage; resolution: number }) {
  return (
    <ol className="near">
      <li className="near-made">
        {image.pixels && (
          <StillPicture
            pixels={image.pixels}
            resolution={resolution}
            name={`Generated, seed ${image.seed}`}
            size={multiple(resolution, 128)}
          />
        )}
        <span className="caption">
          <b className="is-student">Generated</b> seed {image.seed}
        </span>
      </li>
      {image.near.map(({ index, distance, pixels }, i) => (
        <li key={index}>
          <StillPicture
            pixels={pixels}
            resolution={resolution}
            name={`Training image ${index}, distance ${formatValue(distance)}`}
            size={multiple(resolution, 128)}
          />
          <span className="caption">
            <b>{formatValue(distance)}</b> {i === 0 ? 'nearest' : ''}
          </span>
        </li>
      ))}
    </ol>
  );
}
