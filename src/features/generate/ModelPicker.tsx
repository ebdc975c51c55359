import { ChevronDown } from 'lucide-react';
import { useMemo } from 'react';
import type { ModelFacts } from '../../state/models';
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
  const { controller, stores } = useApp();
  const source = useMemo(() => pictureSource(stores.images), [stores.images]);
  const model = useModel();
  const models = useModels();
  const shipped = models.filter((m) => m.ref.kind === 'catalogue');
  const opened = models.filter((m) => m.ref.kind === 'opened');
  return (
    <div className="picker">
      {model?.preview ? (
        <Sprite url={`models/${model.preview.path}`} {...model.preview} index={0} size={64} />
      ) : (
        <PictureCanvas source={source} index={0} size={64} decorative />
      )}
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
  return `${role}, ${formatCount(model.parameters)}`;
}

function sizeOf(model: ModelFacts): string {
  const size = model.bytes === null ? null : formatBytes(model.bytes);
  return [size, `${model.resolution} × ${model.resolution}`].filter(Boolean).join(', ');
}
