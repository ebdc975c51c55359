#!/usr/bin/env node
import { Command, CommanderError, Option } from 'commander';
import { PRESETS } from '../src/distil/config';
import { FEATURE_NAMES } from '../src/engine/feature-networks';
import { INPUT_KINDS } from '../src/engine/inspect-inputs';
import { QUANTITIES } from '../src/lib/activations';
import { asInnateError, InnateError } from '../src/lib/errors';
import { type ConvertOptions, convert } from './commands/convert';
import { type DistilOptions, distil } from './commands/distil';
import { type EvaluateOptions, evaluate } from './commands/evaluate';
import { type GenerateOptions, generate } from './commands/generate';
import { type InspectOptions, inspect } from './commands/inspect';
import { listModels, verifyModels } from './commands/models';
import { type RunOptions, run } from './commands/run';
import {
  backendOption,
  jsonOption,
  noiseLevels,
  nonNegativeInteger,
  positive,
  positiveCount,
  positiveInteger,
  precondOption,
  quantityList,
  samplingOptions,
} from './options';
import { Report } from './report';

const program = new Command('innate')
  .description('One-step images from diffusion models: generate, convert, inspect.')
  .exitOverride()
  .configureOutput({ outputError: () => {} }); // errors are reported once, in our own words

function command(parent: Command, usage: string, description: string, ...options: Option[]): Command {
  const added = parent.command(usage).description(description).exitOverride();
  for (const option of options) added.addOption(option);
  return added.addOption(jsonOption());
}

const startSigma = () =>
  new Option(
    '--sigma <number>',
    'where the model starts (default: what the catalogue, its file or its name says, else 80)',
  ).argParser(positive);

const computing = () => [backendOption(), precondOption()];

command(program, 'run <checkpoint>', 'network output for given latents', ...samplingOptions(), ...computing())
  .requiredOption('--latents <file>', '.safetensors with latents [N,C,H,W] and class_index [N]')
  .requiredOption('--out <file>', '.safetensors to write')
  .action(reported((checkpoint: string, o: RunOptions, report) => run(checkpoint, o, report)));

command(program, 'generate <model>', 'images of seeds', ...samplingOptions(), ...computing())
  .requiredOption('--seeds <list>', 'such as 0-15,20')
  .option('--class <class>', 'class index or name for all (default: the class of the seed)')
  .addOption(new Option('--columns <n>', 'of a grid (default: nearly square)').argParser(positiveInteger))
  .requiredOption('--out <path>', 'grid.png, images.npz or a new folder/')
  .action(reported((model: string, o: GenerateOptions, report) => generate(model, o, report)));

command(program, 'convert <in> <out>', 'checkpoint to .safetensors', startSigma(), ...computing())
  .addOption(new Option('--dtype <type>', 'of weight matrices').choices(['f16', 'f32']).default('f16'))
  .option('--delta-of <teacher>', 'store only the difference to this model')
  .action((input: string, out: string, o: ConvertOptions) =>
    withReport(o.json, (report) => convert(input, out, o, report)),
  );

command(
  program,
  'inspect <model>',
  'how strongly each block answers at each noise level',
  startSigma(),
  ...computing(),
)
  .addOption(
    new Option('--sigmas <list>', 'noise levels such as 80,10,1,0.1, or heun:18, log:12 for a schedule')
      .argParser(noiseLevels)
      .makeOptionMandatory(),
  )
  .option('--seeds <list>', 'seeds of the noise (default 0-7)')
  .option('--latents <file>', '.safetensors with the noise instead')
  .addOption(
    new Option('--input <kind>', 'what the network is shown').choices([...INPUT_KINDS]).default('noise'),
  )
  .option('--data <path>', 'real images for --input noised')
  .addOption(
    new Option('--quantities <list>', `what to measure: all, or some of ${QUANTITIES.join(',')}`)
      .argParser(quantityList)
      .default(['rms'], 'rms'),
  )
  .option('--parts', "each block's norms, convolutions and attention too")
  .option('--spectra', 'radial power of what each block adds, and of the denoised images')
  .option('--student <model>', 'compare a one-step student of this model with it')
  .addOption(
    new Option('--examples <n>', 'seeds of the comparison by CKA').argParser(positiveInteger).default(64),
  )
  .addOption(new Option('--digits <n>', 'significant digits to write').argParser(positiveInteger))
  .requiredOption('--out <file>', 'JSON to write')
  .action(reported((model: string, o: InspectOptions, report) => inspect(model, o, report)));

command(program, 'distil', 'a one-step student from a diffusion teacher', backendOption())
  .requiredOption('--teacher <model>', 'catalogue id or file')
  .option('--student <model>', 'go on from this student instead of the teacher')
  .requiredOption('--data <path>', 'data-set zip, CIFAR-10 archive, .npz, or a folder of images')
  .addOption(
    new Option('--method <name>', 'what trains, and on what')
      .choices(['gdd', 'gdd-i', 'imitation'])
      .default('gdd-i'),
  )
  .addOption(
    new Option('--features <name>', 'what the discriminator looks through').choices([...FEATURE_NAMES]),
  )
  .addOption(new Option('--preset <name>', 'hyper-parameters').choices(Object.keys(PRESETS)))
  .addOption(new Option('--images <n>', 'real images to see').argParser(positiveCount))
  .addOption(new Option('--batch <n>', 'images of a step').argParser(positiveInteger))
  .addOption(
    new Option('--micro-batch <n>', 'images whose gradients fit into memory together').argParser(
      positiveInteger,
    ),
  )
  .addOption(new Option('--seed <n>', 'of noise, order and heads').argParser(nonNegativeInteger))
  .addOption(
    new Option('--sigma <number>', "noise level of the student's one step (default: the preset's)").argParser(
      positive,
    ),
  )
  .addOption(new Option('--generator-rate <number>', 'learning rate').argParser(positive))
  .addOption(new Option('--discriminator-rate <number>', 'learning rate').argParser(positive))
  .addOption(
    new Option('--measure-every <n>', 'images between Frechet distances')
      .argParser(positiveCount)
      .default(1600),
  )
  .addOption(
    new Option('--measure-images <n>', 'generated for a distance; 0: none')
      .argParser(nonNegativeInteger)
      .default(256),
  )
  .option('--log <file>', 'one JSON line an iteration, appended')
  .option('--resume <state>', 'go on from a saved state')
  .requiredOption('--out <file>', '.safetensors of the averaged student; its state is saved beside it')
  .action((o: DistilOptions) => withReport(o.json, (report) => distil(o, report)));

command(program, 'evaluate <model>', 'Frechet distance to real images', ...samplingOptions(), ...computing())
  .requiredOption('--data <path>', 'real images')
  .addOption(new Option('--count <n>', 'images to generate').argParser(positiveInteger).default(1000))
  .addOption(
    new Option('--reference <n>', 'real images to compare with').argParser(positiveInteger).default(5000),
  )
  .action(reported((model: string, o: EvaluateOptions, report) => evaluate(model, o, report)));

const models = program.command('models').description('the catalogue of models').exitOverride();
command(models, 'list', 'what there is').action((o: { json?: boolean }) =>
  withReport(o.json, (report) => listModels(o, report)),
);
command(models, 'verify', 'check the shipped files').action((o: { json?: boolean }) =>
  withReport(o.json, (report) => verifyModels(o, report)),
);

function reported<O extends { json?: boolean }>(
  action: (argument: string, options: O, report: Report) => void | Promise<void>,
): (argument: string, options: O) => Promise<void> {
  return (argument, options) => withReport(options.json, (report) => action(argument, options, report));
}

async function withReport(
  json: boolean | undefined,
  action: (report: Report) => void | Promise<void>,
): Promise<void> {
  const report = new Report(json ?? false);
  try {
    await action(report);
  } catch (error) {
    report.failure(asInnateError(error));
    process.exitCode = 1;
  }
}

/** Commander's complaint as one line of ours; help and version are not errors. */
function usageError(error: CommanderError): void {
  if (error.exitCode === 0 || error.code === 'commander.help') return;
  const message = error.message.replace(/^error: /, '').split('\n')[0]!;
  new Report(process.argv.includes('--json')).failure(
    new InnateError('bad-argument', message, { hint: 'See innate --help' }),
  );
  process.exitCode = 2;
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) usageError(error);
  else throw error;
}
// Dawn keeps the event loop alive; everything is written by now.
process.exit();
