import { Plus } from 'lucide-react';
import { useEffect, useMemo } from 'react';
import { FREEZE_LEVELS, type FreezeChoice } from '../../../distil/config';
import { freezeChoice, freezeText, frozenNames, throughFrozenEncoder } from '../../../distil/freeze-rule';
import {
  choiceOf,
  flipped,
  freezeSetting,
  levelText,
  type Placed,
  shareOf,
} from '../../../state/distil/parts';
import { useApp, useEngine, useSeries } from '../../../state/react';
import { formatCount } from '../../../ui/format';
import { Note } from '../../../ui/Note';
import { Segmented } from '../../../ui/Segmented';
import { useSetup } from '../use-setup';
import { FlipMap } from './FlipMap';
import { Tries } from './Tries';
import './lab.css';

/** Which layers train: by level, part, side, resolution or block, with the share that does; and choices to compare. */
export default function WhatTrains() {
  const { controller } = useApp();
  const { config, teacher } = useSetup();
  const { parts, error } = useSeries((s) => ({ parts: s.parts, error: s.partsError }));
  const ready = useEngine((s) => s.status?.backend != null);
  const key = teacher?.key;
  useEffect(() => {
    if (ready && key) void controller.distil.loadParts();
  }, [controller, ready, key]);
  const all = parts && parts.teacher === key ? parts.all : null;
  if (error) return <Note tone="error">{error}</Note>;
  if (!all) return null;
  return <Lab all={all} choice={freezeChoice(config)} />;
}

function Lab({ all, choice }: { all: readonly Placed[]; choice: FreezeChoice }) {
  const { controller } = useApp();
  const { config } = useSetup();
  const names = useMemo(() => all.map(({ name }) => name), [all]);
  const frozen = useMemo(() => {
    // Globs that were made for another network may match nothing here.
    try {
      return new Set(frozenNames(choice, names));
    } catch {
      return new Set<string>();
    }
  }, [names, choice]);
  const { total, trained, share } = shareOf(all, frozen);
  const set = (next: FreezeChoice) =>
    controller.distil.configure({ freeze: freezeSetting(next, config.method) });
  const flip = (names: readonly string[]) => set(choiceOf(flipped(frozen, names), all));
  const freezeAllBut = (side: Placed['side']) =>
    set(choiceOf(new Set(all.flatMap((p) => (p.side === side ? [] : [p.name]))), all));
  const freezeMapping = () => {
    const mapping = all.flatMap((p) => (p.side === 'mapping' ? [p.name] : []));
    set(choiceOf(new Set([...frozen, ...mapping]), all));
  };
  const level = typeof choice === 'number' ? String(choice) : 'own';
  return (
    <details className="what-trains">
      <summary>
        What trains: {level === 'own' ? 'your own choice' : `level ${level}`}, {percent(share)}
      </summary>
      <div className="lab-levels">
        <span>Level</span>
        <Segmented
          label="Freeze level"
          value={level}
          options={[
            ...FREEZE_LEVELS.map((l) => ({ value: String(l), label: String(l), title: levelText(l) })),
            { value: 'own', label: 'Own', disabled: level !== 'own' },
          ]}
          onChange={(value) => value !== 'own' && set(Number(value) as FreezeChoice)}
        />
        <button type="button" className="button" onClick={() => freezeAllBut('decoder')}>
          Decoder only
        </button>
        <button type="button" className="button" onClick={() => freezeAllBut('encoder')}>
          Encoder only
        </button>
      </div>
      <p className="caption">{levelText(choice)}</p>
      <div className="lab-share">
        <p className="reading" aria-live="polite">
          {percent(share)}
          <small>
            {formatCount(trained)} of {formatCount(total)} parameters train
          </small>
        </p>
        <button
          type="button"
          className="button"
          disabled={trained === 0}
          onClick={() => controller.distil.addTry(choice)}
        >
          <Plus aria-hidden />
          Add to the list
        </button>
      </div>
      {trained === 0 && (
        <p className="problem" role="alert">
          Everything is frozen: nothing would train.
        </p>
      )}
      {throughFrozenEncoder(frozen, names) && (
        <div className="lab-through" role="status">
          <p>
            The encoder is frozen, but each step still goes back through it: the mapping network, whose result
            enters its blocks, trains.
          </p>
          <button type="button" className="button" onClick={freezeMapping}>
            Freeze the mapping network too
          </button>
        </div>
      )}
      <FlipMap all={all} frozen={frozen} onFlip={flip} />
      <p className="caption lab-globs">
        On the command line: <code>--freeze {shellText(choice)}</code>
      </p>
      <Tries />
    </details>
  );
}

const percent = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

/** A shell would take * and ? for names of files. */
const shellText = (choice: FreezeChoice): string =>
  typeof choice === 'number' ? String(choice) : `'${freezeText(choice)}'`;
