import { statSync } from 'node:fs';
import { join } from 'node:path';
import { middleSigma } from '../src/engine/models/student-steps';
import { InnateError } from '../src/lib/errors';
import { precondNamed } from '../src/lib/preconditioning';
import { configFromKwargs } from '../src/nn/config';
import { parameterCount } from '../src/nn/parameters';
import { type CatalogueFile, type CatalogueModel, labelCount, samplingOf } from '../src/storage/catalogue';
import { modelsFolder, openModelArgument, readClassNames } from './catalogue';
import type { FetchedModel } from './fetched/cache';
import { sha256OfFile } from './files';

/**
 * What can be said of an entry without its file: its architecture is a network with as many parameters as it says, and
 * its file of class names has as many names. Throws the error that names the entry and the field.
 */
export function verifyEntry(model: CatalogueModel): void {
  const fail = (field: string, expected: string, found: string) =>
    new InnateError('mismatch', 'the catalogue contradicts itself', {
      where: `${model.id}: ${field}`,
      expected,
      found,
    });
  const precond = precondNamed(model.precond);
  if (!precond) throw fail('precond', 'a preconditioning of docs/method.md', model.precond);
  const kwargs = new Map(Object.entries(model.architecture))
    .set('img_resolution', model.resolution)
    .set('img_channels', model.channels)
    .set('label_dim', labelCount(model));
  const count = parameterCount(configFromKwargs(kwargs, precond).unet);
  if (count !== model.parameters)
    throw fail('parameters', `${count}, from its architecture`, `${model.parameters}`);
  if (typeof model.classes === 'string') readClassNames(model.classes, labelCount(model));
}

/** A shipped entry's files have their sizes and checksums, and open as the network that it describes. */
export function verifyShipped(model: CatalogueModel): void {
  for (const file of model.files) verifyFile(model.id, file);
  const { config, metadata } = openModelArgument(model.id);
  checkSampling(model, metadata);
  if (config.unet.imgResolution !== model.resolution || config.unet.inChannels !== model.channels)
    throw new InnateError('mismatch', 'the catalogue describes another network', {
      where: model.id,
      expected: `${model.resolution}x${model.resolution}, ${model.channels} channels`,
      found: `${config.unet.imgResolution}x${config.unet.imgResolution}, ${config.unet.inChannels} channels`,
    });
}

/** What a file says of its sampling, its entry says too: neither the page nor a person is told two things. */
export function checkSampling(
  model: Pick<CatalogueModel, 'id' | 'sigma' | 'sigma_mid'>,
  metadata: ReadonlyMap<string, string>,
): void {
  const { sigma, sigmaMid } = samplingOf(model);
  const differ = (field: string, what: string, expected: string, found: unknown) =>
    new InnateError('mismatch', `the catalogue and the file differ in ${what}`, {
      where: `${model.id}: ${field}`,
      expected,
      found: String(found ?? 'nothing'),
    });
  const said = metadata.get('sigma');
  if (said !== undefined && Number(said) !== sigma) throw differ('sigma', 'the start sigma', said, sigma);
  const own = middleSigma(undefined, metadata, []);
  if (own !== sigmaMid && (own !== null || metadata.has('nfe')))
    throw differ('sigma_mid', 'the sigma of a second step', String(own ?? 'nothing'), sigmaMid);
}

/** A fetched model has the checksum that it was written with. */
export function verifyFetched({ id, path, sha256 }: FetchedModel): void {
  const found = sha256OfFile(path);
  if (found === sha256) return;
  throw new InnateError('bad-file', 'a fetched model is damaged', {
    where: path,
    expected: `sha256 ${sha256}`,
    found,
    hint: `Run innate models remove ${id}, and fetch it again`,
  });
}

function verifyFile(id: string, { path, bytes, sha256 }: CatalogueFile): void {
  if (path === undefined) return;
  const full = join(modelsFolder(), path);
  const found = statSync(full, { throwIfNoEntry: false })?.size;
  if (found === undefined)
    throw new InnateError('not-found', 'a shipped file is missing', { where: `${id}: ${path}` });
  if (bytes !== null && bytes !== found)
    throw new InnateError('bad-file', 'a shipped file has another size', {
      where: `${id}: ${path}`,
      expected: `${bytes} bytes`,
      found: `${found}`,
    });
  if (sha256 === null) return;
  const actual = sha256OfFile(full);
  if (actual !== sha256)
    throw new InnateError('bad-file', 'a shipped file has another checksum', {
      where: `${id}: ${path}`,
      expected: sha256,
      found: actual,
    });
}
