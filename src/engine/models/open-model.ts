import { openCheckpoint } from '../../formats/open-checkpoint';
import type { Source } from '../../formats/source';
import { type Model, modelOf, type OpenModelOptions } from './model';

/** Opens a checkpoint of any supported format as a model; reads no weights yet, but checks every shape. */
export const openModel = (source: Source, options: OpenModelOptions = {}): Model =>
  modelOf(openCheckpoint(source, options), source.name, options);
