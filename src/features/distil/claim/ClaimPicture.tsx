import { Download } from 'lucide-react';
import { useEffect, useState } from 'react';
import { asInnateError } from '../../../lib/errors';
import { hereText, howText } from '../../../lib/row-caption';
import { drawSheet } from '../../../lib/sheet/sheet';
import type { RunDetail } from '../../../protocol/runs';
import {
  type ClaimRow,
  claimFoot,
  claimRows,
  claimSheetRows,
  type Pictures,
  showsClaim,
} from '../../../state/distil/series/claim';
import { isOver } from '../../../state/distil/series/series';
import { isUnderWay } from '../../../state/distil/store';
import { useApp, useDistil, useSeries } from '../../../state/react';
import { Note } from '../../../ui/Note';
import { saveBlob } from '../../../ui/save-blob';
import { sheetPng } from '../../../ui/sheet-png';
import { StillImage } from '../run/StillImage';
import './claim.css';

/** Seeds in the picture. */
const COLUMNS = 8;

/**
 * What a series of GDD-I and imitation ends in: the same seeds of the teacher in many steps, of what copies it, and of what
 * learned from real images, each with its distance.
 */
export function ClaimPicture() {
  const { series, shown, details } = useSeries((s) => ({
    series: s.series,
    shown: s.shown,
    details: s.details,
  }));
  const busy = useDistil((s) => isUnderWay(s.run));
  const over = series?.id !== shown || isOver(series!);
  const configs = details.map(({ record }) => record.config);
  if (busy || !over || !showsClaim(configs)) return null;
  return <Picture key={shown} details={details} />;
}

function Picture({ details }: { details: readonly RunDetail[] }) {
  const { announce } = useApp();
  const { teacher, error, again } = useTeacher(details);
  const rows = claimRows(details, teacher);
  const { about } = details[0]!.record;
  const save = async () => {
    const seeds = details[0]!.record.request.sampleSeeds.slice(0, COLUMNS);
    const blob = await sheetPng(
      drawSheet({
        heads: seeds.map((seed) => `seed ${seed}`),
        foot: claimFoot(details),
        rows: claimSheetRows(rows, about.resolution, seeds.length),
      }),
    );
    if (!blob) return;
    saveBlob(blob, 'gdd-i-against-imitation.png');
    announce('gdd-i-against-imitation.png saved');
  };
  return (
    <section className="claim" aria-labelledby="claim-title">
      <header className="runs-head">
        <div>
          <h3 id="claim-title">The same seeds</h3>
          <p className="caption">Every column is one noise; every row makes an image of it in its own way.</p>
        </div>
        <button type="button" className="button" disabled={!teacher} onClick={() => void save()}>
          <Download aria-hidden />
          Save the picture
        </button>
      </header>
      {rows.map((row) => (
        <Row key={row.key} row={row} resolution={about.resolution} waits={error === null} />
      ))}
      {error && (
        <Note tone="error">
          {error}{' '}
          <button type="button" className="button" onClick={again}>
            Make the teacher’s images again
          </button>
        </Note>
      )}
      <p className="caption">{claimFoot(details)}</p>
    </section>
  );
}

function Row({ row, resolution, waits }: { row: ClaimRow; resolution: number; waits: boolean }) {
  const { figures, pixels } = row;
  const size = resolution > 32 ? 128 : 96;
  return (
    <div className="claim-row" data-role={figures.role}>
      <div>
        <h4>{figures.name}</h4>
        <p className="caption">{howText(figures)}</p>
        <p>{figures.here ? hereText(figures) : <span className="caption">distance not measured</span>}</p>
      </div>
      {pixels ? (
        <div role="img" aria-label={`${figures.name}: images of ${COLUMNS} seeds`}>
          <StillImage
            samples={{ pixels: new Uint8ClampedArray(pixels), resolution }}
            count={COLUMNS}
            size={size}
          />
        </div>
      ) : (
        <p className="caption" role="status">
          {waits ? 'The teacher makes its images' : 'Not made'}
        </p>
      )}
    </div>
  );
}

/** The teacher's own images of the seeds, made when they are first looked at. */
function useTeacher(details: readonly RunDetail[]) {
  const { controller } = useApp();
  const { request, config } = details[0]!.record;
  const [teacher, setTeacher] = useState<Pictures | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [attempt, setAttempt] = useState(0);
  const { teacher: ref, sampleSeeds } = request;
  const { startSigma } = config;
  // The details are read anew after every run; what they ask of the teacher stays.
  const key = JSON.stringify([ref, sampleSeeds, startSigma, attempt]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key says all of it
  useEffect(() => {
    let gone = false;
    controller.distil
      .teacherPictures(ref, sampleSeeds, startSigma)
      .then((made) => !gone && setTeacher(made))
      .catch((problem) => !gone && setError(`${asInnateError(problem).describe()}.`));
    return () => {
      gone = true;
    };
  }, [controller, key]);
  const again = () => {
    setError(null);
    setAttempt((n) => n + 1);
  };
  return { teacher, error, again };
}
