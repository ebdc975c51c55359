import { InnateError } from '../lib/errors';
import type { UNetConfig } from '../nn/config';
import { type ParameterSpec, parameterSpecs } from '../nn/parameters';
import { type DistilConfig, FREEZE_LEVELS, type FreezeChoice } from './config';
import { freezeChoice, freezeText, frozenNames, throughFrozenEncoder } from './freeze-rule';

/** What of a network can train: no buffers, and nothing of training-time augmentation. */
export const trainable = (config: UNetConfig): ParameterSpec[] =>
  parameterSpecs(config).filter(({ buffer, optional }) => !buffer && !optional);

/**
 * Parameters that keep the teacher's values. Level 1 is GDD-I (D2O-F in the revision): what trains is norms, affine,
 * qkv and skip layers, the mapping network and the convolutions outside blocks. Globs freeze whatever they match,
 * inside blocks and outside; one that matches nothing throws a `bad-argument` error (freeze-rule.ts).
 */
export const frozenBy = (choice: FreezeChoice, config: UNetConfig): string[] =>
  frozenNames(
    choice,
    trainable(config).map(({ name }) => name),
  );

/**
 * Whether a parameter trains. Buffers and parameters of training-time augmentation never do. Throws a `bad-argument`
 * error where nothing would train, and where a glob matches nothing.
 */
export function trainedBy(
  choice: Pick<DistilConfig, 'method' | 'freeze'>,
  config: UNetConfig,
): (name: string) => boolean {
  const fixed = new Set(frozenBy(freezeChoice(choice), config));
  const free = trainable(config).filter(({ name }) => !fixed.has(name));
  if (free.length === 0)
    throw new InnateError('bad-argument', 'everything is frozen: nothing would train', {
      where: `freeze ${freezeText(freezeChoice(choice))}`,
      expected: 'a choice that leaves some parameters',
    });
  const trains = new Set(free.map(({ name }) => name));
  return (name) => trains.has(name);
}

/** What a run trains of its network, in numbers of values and of tensors. */
export interface FreezeFacts {
  /** As `--freeze` takes it. */
  freeze: string;
  parameters: number;
  trained: number;
  frozen: number;
  /** Of the parameters, 0 to 1. */
  shareTrained: number;
  tensors: { trained: number; frozen: number };
  /** The encoder is frozen whole, yet each step goes back through it: for the mapping network, which trains. */
  throughFrozenEncoder: boolean;
}

/** Counts what trains and what is frozen of a network; `trainable` says what counts as a parameter. */
export function freezeFacts(
  choice: Pick<DistilConfig, 'method' | 'freeze'>,
  config: UNetConfig,
): FreezeFacts {
  const trains = trainedBy(choice, config);
  const specs = trainable(config);
  const moving = specs.filter(({ name }) => trains(name));
  const values = (of: readonly ParameterSpec[]) =>
    of.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const fixed = new Set(specs.flatMap(({ name }) => (trains(name) ? [] : [name])));
  const [parameters, trained] = [values(specs), values(moving)];
  return {
    freeze: freezeText(freezeChoice(choice)),
    parameters,
    trained,
    frozen: parameters - trained,
    shareTrained: trained / parameters,
    tensors: { trained: moving.length, frozen: specs.length - moving.length },
    throughFrozenEncoder: throughFrozenEncoder(
      fixed,
      specs.map(({ name }) => name),
    ),
  };
}

/** The same as the text fields of a student's file. */
export const freezeMetadata = (
  choice: Pick<DistilConfig, 'method' | 'freeze'>,
  config: UNetConfig,
): Map<string, string> => {
  const { freeze, trained, frozen, shareTrained } = freezeFacts(choice, config);
  return new Map([
    ['freeze', freeze],
    ['trained_parameters', shareTrained.toFixed(4)], // the share
    ['trained_count', String(trained)],
    ['frozen_count', String(frozen)],
  ]);
};

/** A level or globs, separated by commas. Throws a `bad-argument` error on another number and on an empty glob. */
export function parseFreeze(text: string): FreezeChoice {
  const level = FREEZE_LEVELS.find((known) => String(known) === text.trim());
  if (level !== undefined) return level;
  const globs = text.split(',').map((glob) => glob.trim());
  if (globs.every((glob) => glob !== '' && !/^[-+.\d]+$/.test(glob))) return globs;
  throw new InnateError('bad-argument', 'neither a level nor globs', {
    expected: `a level (${FREEZE_LEVELS.join(', ')}), or globs over parameter names, separated by commas, such as enc.*,map_*`,
    found: text,
  });
}
