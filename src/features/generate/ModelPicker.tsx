import { ChevronDown } from 'lucide-react';
import { useMemo } from 'react';
import type { ModelFacts } from '../../state/models';
import { subjects } from '../../state/models/subjects';
import { useApp, useModel, useModels } from '../../state/react';
import { formatBytes, formatCount } from '../../ui/format';
import { PictureCanvas } from '../../ui/PictureCanvas';
import { Sprite } from '../../ui/Sprite';
import { pictureSource } from './pictures';

/**
 * The model in use, and a native list of the others over it: it works with keyboards, touch and screen readers
 * as the platform's users know it.
 */
export function ModelPicker() {
  const { controller } = useApp();
  const model = useModel();
  const models = useModels();
  const shipped = models.filter((m) => m.ref.kind === 'catalogue');
  const opened = models.filter((m) => m.ref.kind === 'opened');
  // A card above already shows it.
  const plain = subjects(models).some(({ key }) => key === model?.key);
  return (
    <div className={plain ? 'picker is-plain' : 'picker'}>
      {!plain && <Picture model={model} />}
      <span className="picker-text">
        <strong>{model?.name ?? 'Reading the model list'}</strong>
        {model && (
          <>
            <span className={model.role === 'teacher' ? 'is-teacher' : 'secondary'}>{kindOf(model)}</span>
            <span className="caption">{sizeOf(model)}</span>
          </>
        )}
      </span>
      <ChevronDown aria-hidden />
      <select
        aria-label="Model"
        value={model?.key ?? ''}
        disabled={!model}
        onChange={(event) => controller.selectModel(event.currentTarget.value)}
      >
        <Options label="Shipped with Innate" models={shipped} />
        {opened.length > 0 && <Options label="Opened" models={opened} />}
      </select>
    </div>
  );
}

/** The first image of the model's preview; without one, the first of the present images. */
function Picture({ model }: { model: ModelFacts | null }) {
  const { stores } = useApp();
  const source = useMemo(() => pictureSource(stores.images), [stores.images]);
  if (!model?.preview) return <PictureCanvas source={source} index={0} size={64} decorative />;
  return <Sprite url={`models/${model.preview.path}`} {...model.preview} index={0} size={64} />;
}

function Options({ label, models }: { label: string; models: ModelFacts[] }) {
  return (
    <optgroup label={label}>
      {models.map((m) => (
        <option key={m.key} value={m.key}>
          {m.name}
        </option>
      ))}
    </optgroup>
  );
}

function kindOf(model: ModelFacts): string {
  const student = model.sigmaMid === null ? 'Student' : 'Two-step student';
  const role = { student, teacher: 'Teacher', unknown: 'Network' }[model.role];
  // What belongs together stays on one line.
  return `${role}, ${formatCount(model.parameters).replace(' ', '\u00a0')}`;
}

function sizeOf(model: ModelFacts): string {
  const size = model.bytes === null ? null : formatBytes(model.bytes);
  return [size, `${model.resolution} × ${model.resolution}`].filter(Boolean).join(', ');
}
