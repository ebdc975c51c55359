import { Play } from 'lucide-react';
import { useState } from 'react';
import { MEASURE_FEATURES, type MeasureFeatures } from '../../../protocol/measure';
import type { RunDistances } from '../../../protocol/run-distances';
import { useExtras } from '../../../state/measure/use-measuring';
import type { MomentsHow } from '../../../state/moments/controller';
import { FileButton } from '../../../ui/FileButton';
import { NumberField } from '../../../ui/NumberField';
import { SHORT_NAMES } from './distances';

/** Enough for two digits, few enough for a processor: what Measure begins with too. */
const USUAL_IMAGES = 300;
const USUAL_MOMENTS = 6;
/** As many samples as a run keeps. */
const MOST_MOMENTS = 60;

interface Props {
  /** What was measured before: more of the same goes on with its number of images. */
  distances: readonly RunDistances[];
  /** Its images were too large to keep: they are chosen again. */
  wantsImages: boolean;
  onStart: (how: MomentsHow, files?: File[]) => void;
}

/** How the snapshots are measured. */
export function MeasureForm({ distances, wantsImages, onStart }: Props) {
  const inception = useExtras((s) => s.inception) !== null;
  const [features, setFeatures] = useState<MeasureFeatures>('resnet56');
  const [count, setCount] = useState(distances.at(-1)?.n ?? USUAL_IMAGES);
  const [moments, setMoments] = useState(USUAL_MOMENTS);
  const isHere = (name: MeasureFeatures) => name !== 'inception' || inception;
  return (
    <div className="moments-form">
      <div className="field">
        <span>Features</span>
        <select
          className="select"
          aria-label="Features"
          value={features}
          onChange={(event) => setFeatures(event.currentTarget.value as MeasureFeatures)}
        >
          {MEASURE_FEATURES.toSorted((a, b) => Number(isHere(b)) - Number(isHere(a))).map((name) => (
            <option key={name} value={name} disabled={!isHere(name)}>
              {SHORT_NAMES[name]}
              {!isHere(name) && ', its file is not here'}
            </option>
          ))}
        </select>
      </div>
      <div className="field">
        <span>Images of each</span>
        <NumberField
          label="Images of each snapshot"
          value={count}
          min={32}
          max={50_000}
          step={100}
          whole
          onCommit={setCount}
        />
      </div>
      <div className="field">
        <span>Snapshots</span>
        <NumberField
          label="Snapshots"
          value={moments}
          min={3}
          max={MOST_MOMENTS}
          step={1}
          whole
          onCommit={setMoments}
        />
      </div>
      {wantsImages ? (
        <FileButton
          label="Choose its images and start"
          className="primary"
          icon={Play}
          title="They were too large to keep"
          onFiles={(files) => onStart({ features, count, moments }, files)}
        />
      ) : (
        <button
          type="button"
          className="button primary"
          disabled={!isHere(features)}
          onClick={() => onStart({ features, count, moments })}
        >
          <Play aria-hidden />
          Start
        </button>
      )}
      <p className="caption">
        Kept students, evenly spread: the first, the best and the last, and others between. What is measured
        stays with the run and is not measured again.
        {!inception && ' Inception can be chosen once its file is here: Models, Measure.'}
      </p>
    </div>
  );
}
