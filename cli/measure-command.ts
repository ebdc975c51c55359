import type { Command, Option } from 'commander';
import { type EvaluateOptions, evaluate } from './commands/evaluate';
import { type NearestOptions, nearest } from './commands/nearest';
import { measureOptions, nearestOptions } from './measure-options';
import { samplingOptions } from './options';
import type { Report } from './report';

/** How the command line makes any of its commands. */
interface Making {
  command(parent: Command, usage: string, description: string, ...options: Option[]): Command;
  computing(): Option[];
  examples(...lines: string[]): string;
  reported<O extends { json?: boolean }>(
    action: (argument: string, options: O, report: Report) => void | Promise<void>,
  ): (argument: string, options: O) => Promise<void>;
}

/** The commands that say how good images are, and whether they are copies. */
export function addMeasureCommands(
  program: Command,
  { command, computing, examples, reported }: Making,
): void {
  command(
    program,
    'evaluate <model>',
    'measure the images of a model, or an archive or folder of images: FID and its kin',
    ...samplingOptions(),
    ...computing(),
    ...measureOptions(),
  )
    .addHelpText(
      'after',
      examples(
        'innate evaluate afhq-cat-64x64-gdd-i --data public/data/afhq-cat-64x64.zip --count 1000',
        'innate evaluate edm-cifar10.pkl --sampler heun --data cifar10-32x32.npz --protocol edm --features inception:pt_inception-2015-12-05-6726825d.pth',
        'innate evaluate samples.npz --data cifar-10-python.tar.gz --metrics fid,kid,pr',
      ),
    )
    .action(reported((model: string, o: EvaluateOptions, report) => evaluate(model, o, report)));

  command(
    program,
    'nearest <model>',
    'find the training images that those of a model, or given images, are nearest to',
    ...samplingOptions(),
    ...computing(),
    ...nearestOptions(),
  )
    .addHelpText(
      'after',
      examples(
        'innate nearest afhq-cat-64x64-gdd-i --data public/data/afhq-cat-64x64.zip --seeds 0-63 --out sheet.png',
        'innate nearest samples.npz --data public/data/afhq-cat-64x64.zip --features pixels --out sheet.png',
      ),
    )
    .action(reported((model: string, o: NearestOptions, report) => nearest(model, o, report)));
}
