import { type OwnData, teachersForOwn } from '../../../state/distil/setup';
import { useApp, useModels } from '../../../state/react';
import { type Fact, Facts } from '../../../ui/Facts';
import { formatWhole } from '../../../ui/format';
import { Note } from '../../../ui/Note';
import { StillImage } from '../run/StillImage';
import { useSetup } from '../use-setup';

/** Edge of a small picture, CSS pixels. */
const SIZE = 48;
/** Teachers offered where the chosen one does not fit. */
const OFFERS = 2;

/** What a look at one's own images found: small pictures, sizes, classes, what was passed over and why. */
export function OwnFacts({ own }: { own: OwnData }) {
  const { check, error } = own;
  if (error) return <Note tone="error">{error}</Note>;
  if (!check)
    return (
      <p className="caption" role="status">
        Looking at your images
      </p>
    );
  const { thumbnails, size, looked, skipped, reasons, sizes, otherSizes, classes, labelDim, notes } = check;
  const part = looked < size ? ` of ${formatWhole(looked)} looked at, drawn at random` : '';
  const facts: Fact[] = [
    ['Images', `${formatWhole(size)}${skipped > 0 ? `, ${formatWhole(skipped)} cannot be read${part}` : ''}`],
    ['Sizes', sizeWords(sizes, otherSizes, looked < size)],
    ['Classes', labelDim === 0 ? 'none' : (classes?.join(', ') ?? `${labelDim}, without names`)],
  ];
  return (
    <>
      {thumbnails.count > 0 && (
        <div className="own-thumbnails" role="img" aria-label={`${thumbnails.count} of your images`}>
          <StillImage samples={thumbnails} count={thumbnails.count} size={SIZE} />
        </div>
      )}
      <Facts facts={facts} />
      {skipped > 0 && <Note tone="warn">{reasons}. The run does without them.</Note>}
      {notes.map((note) => (
        <p key={note} className="caption">
          {note}.
        </p>
      ))}
      <OtherTeachers />
    </>
  );
}

/** Where the images do not fit the teacher: one press to a teacher that they fit. */
function OtherTeachers() {
  const { controller } = useApp();
  const setup = useSetup();
  const offers = teachersForOwn(setup, useModels()).slice(0, OFFERS);
  if (offers.length === 0 || !setup.teacher) return null;
  const { labelDim, name } = setup.teacher;
  return (
    <Note
      tone="warn"
      actions={offers.map((teacher) => (
        <button
          key={teacher.key}
          type="button"
          className="button"
          onClick={() => controller.distil.chooseTeacher(teacher.key)}
        >
          Use {teacher.name}
        </button>
      ))}
    >
      {name} has {labelDim} classes, your images have {setup.own?.check?.labelDim || 'none'}. Choose a teacher
      that fits, or sort your images into {labelDim} folders, one a class.
    </Note>
  );
}

function sizeWords(
  sizes: readonly { width: number; height: number; count: number }[],
  others: number,
  isPart: boolean,
): string {
  if (sizes.length === 1 && !isPart) return `all ${sizes[0]!.width} × ${sizes[0]!.height}`;
  const parts = sizes.map(({ width, height, count }) => `${width} × ${height} (${formatWhole(count)})`);
  return parts.join(', ') + (others > 0 ? ` and ${formatWhole(others)} others` : '');
}
