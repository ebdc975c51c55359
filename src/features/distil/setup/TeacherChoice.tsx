import { counted } from '../../../lib/words';
import { studentsFor, teachersAmong } from '../../../state/distil/setup';
import type { ModelFacts } from '../../../state/models';
import { useApp, useCatalogue, useModels } from '../../../state/react';
import { formatCount } from '../../../ui/format';
import { Sprite } from '../../../ui/Sprite';
import { useSetup } from '../use-setup';

export function TeacherChoice() {
  const { controller } = useApp();
  const { teacher, student, config } = useSetup();
  const models = useModels();
  const students = teacher ? studentsFor(models, teacher) : [];
  return (
    <section className="setup-part" aria-labelledby="distil-teacher">
      <header>
        <h2 id="distil-teacher">Teacher</h2>
        <p className="setup-intro secondary">
          The student starts as a copy of the teacher and learns to make an image in{' '}
          {config.nfe === 2 ? 'two steps' : 'one step'}.
        </p>
      </header>
      <div className="choices" role="radiogroup" aria-labelledby="distil-teacher">
        {teachersAmong(models).map((model) => (
          <Teacher key={model.key} model={model} chosen={model.key === teacher?.key} />
        ))}
      </div>
      <p className="caption">To use another teacher, open a checkpoint.</p>
      {students.length > 0 && (
        <label className="field">
          <span>Start from</span>
          <select
            className="select"
            value={student?.key ?? ''}
            onChange={(event) => controller.distil.set({ student: event.currentTarget.value || null })}
          >
            <option value="">The teacher’s weights</option>
            {students.map((m) => (
              <option key={m.key} value={m.key}>
                {m.name}
              </option>
            ))}
          </select>
        </label>
      )}
    </section>
  );
}

function Teacher({ model, chosen }: { model: ModelFacts; chosen: boolean }) {
  const { controller } = useApp();
  const catalogue = useCatalogue();
  const quality = catalogue?.models
    .find((m) => m.id === model.key)
    ?.quality.find((q) => q.sampler === 'heun');
  const classes = model.labelDim > 0 ? counted(model.labelDim, 'class', 'classes') : 'no classes';
  return (
    <label className="choice">
      <input
        type="radio"
        name="teacher"
        checked={chosen}
        onChange={() => controller.distil.chooseTeacher(model.key)}
      />
      {model.preview ? (
        <Sprite url={`models/${model.preview.path}`} {...model.preview} index={0} size={128} />
      ) : (
        <span className="choice-blank" aria-hidden />
      )}
      <span className="choice-text">
        <strong className="choice-name">{model.name}</strong>
        <span className="secondary">
          {model.resolution} × {model.resolution}, {formatCount(model.parameters)}, {classes}
        </span>
        {quality && (
          <span className="caption">
            Fréchet distance {quality.value} at {quality.nfe} NFE
          </span>
        )}
        {model.ref.kind === 'opened' && <span className="caption">Opened</span>}
      </span>
    </label>
  );
}
